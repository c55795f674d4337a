import { BadInputError } from '../../sample-app/http/bad-input.error.js';

/** The sentence with which `act` refuses its input; undefined when it does not. */
export function detailOf(act: () => unknown): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    return detailOfError(error);
  }
}

export async function detailOfRejection(promise: Promise<unknown>): Promise<string | undefined> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    return detailOfError(error);
  }
}

function detailOfError(error: unknown): string {
  if (!(error instanceof BadInputError)) throw error;
  return (error.getResponse() as { detail: string }).detail;
}
