import { HttpException } from '@nestjs/common';

/** The form in which an error goes to clients. */
export interface SerializedError {
  name: string;
  code?: string;
  /** Only where it was meant for clients. */
  message?: string;
}

export type ErrorSerializer = (error: unknown) => SerializedError;

/** Name and code; the message only of an HttpException, as messages of other errors can hold paths, SQL or secrets. */
export function defaultSerializeError(error: unknown): SerializedError {
  if (!(error instanceof Error)) return { name: 'Error' };
  const serialized: SerializedError = { name: error.name };
  if ('code' in error && typeof error.code === 'string') serialized.code = error.code;
  if (error instanceof HttpException) serialized.message = 'detail' in error ? String(error.detail) : error.message;
  return serialized;
}
