import { settle } from '../support/fake-clock.js';

/** Whether a promise still waits when all that is ready has run. */
export async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let isOver = false;
  const over = (): void => void (isOver = true);
  promise.then(over, over);
  await settle();
  return !isOver;
}

/** What a promise is rejected with. */
export function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => {
      throw new Error(`Expected a rejection, got ${JSON.stringify(value)}`);
    },
    (error: unknown) => error,
  );
}
