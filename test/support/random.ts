import fc from 'fast-check';

/** Makes the choices of one history. */
export class Random {
  /** @param whole a whole number from `from` to `to`, both included */
  constructor(readonly whole: (from: number, to: number) => number) {}

  chance(probability: number): boolean {
    return this.whole(0, 999) < probability * 1_000;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.whole(0, choices.length - 1)] as T;
  }

  /** One of several, each as probable as its weight. */
  weighted<T>(choices: readonly (readonly [weight: number, choice: T])[]): T {
    let at = this.whole(1, sum(choices.map(([weight]) => weight)));
    return choices.find(([weight]) => (at -= weight) <= 0)![1];
  }

  /** Takes one out. */
  draw<T>(choices: T[]): T {
    return choices.splice(this.whole(0, choices.length - 1), 1)[0] as T;
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** Of all histories of a run. After a failure: SEED=<it>, and SHRINK=1 looks for a shorter history that fails. */
export const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 31);

/** How many histories are tried: HISTORIES sets another number. */
export function howMany(histories: number): number {
  return Number(process.env.HISTORIES ?? histories);
}

/** Tries many histories. A failure tells the seed, and what had happened before it. */
export async function forAllHistories(
  run: (random: Random, log: (what: string) => void) => Promise<void>,
  numRuns: number,
): Promise<void> {
  const property = fc.asyncProperty(fc.gen(), async (give) => {
    const happened: string[] = [];
    try {
      // So that fast-check can repeat them, and make them shorter.
      const random = new Random((min, max) => give(fc.integer, { min, max }));
      await run(random, (what) => happened.push(what));
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      throw new Error(`${text}\n\n${happened.join('\n')}`, { cause: error });
    }
  });
  await fc.assert(property, { numRuns, seed: SEED, endOnFailure: process.env.SHRINK === undefined });
}
