/** A small seeded generator (mulberry32): the same seed gives the same history. */
export class Random {
  constructor(private state: number) {}

  /** A whole number from `from` to `to`, both included. */
  whole(from: number, to: number): number {
    return from + Math.floor(this.fraction() * (to - from + 1));
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
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

  private fraction(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let bits = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** The seed of the first history. After a failure: `SEED=<it> HISTORIES=1`. */
const FIRST_SEED = Number(process.env.SEED ?? 1);

/** Runs all histories. A failure names its seed, and tells what had happened before it. */
export async function forAllHistories(
  run: (random: Random, log: (what: string) => void) => Promise<void>,
  histories = 300,
): Promise<void> {
  const end = FIRST_SEED + Number(process.env.HISTORIES ?? histories);
  for (let seed = FIRST_SEED; seed < end; seed++) {
    const happened: string[] = [];
    try {
      await run(new Random(seed), (what) => happened.push(what));
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      throw new Error(`SEED=${seed}: ${text}\n\n${happened.join('\n')}`, { cause: error });
    }
  }
}
