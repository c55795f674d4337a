/** How much is measured. */
export interface Effort {
  /** How many pairs, over all rounds. */
  readonly pairs: number;
  /** How often the processes are started anew. */
  readonly rounds: number;
  /** By how much the large numbers of a row are smaller: 1 for what the goals speak of. */
  readonly shrink: number;
  /** How often a variant is run before it counts, against what each row says. */
  readonly warmUp: number;
  /** Whether the figures are also measured at 10 and at 100 times the size. */
  readonly growth: boolean;
}

export const EFFORTS = {
  full: { pairs: 40, rounds: 4, shrink: 1, warmUp: 1, growth: true },
  quick: { pairs: 8, rounds: 1, shrink: 10, warmUp: 0.5, growth: false },
  /** Only whether it runs. */
  check: { pairs: 1, rounds: 1, shrink: 100, warmUp: 0, growth: false },
} satisfies Record<string, Effort>;

/** One line of the table. */
export interface Line {
  readonly what: string;
  readonly ours: string;
  /** Who it is compared with, and what that took. */
  readonly peer?: string;
  /** With its interval. */
  readonly ratio?: string;
  /** In the words of the goal. */
  readonly goal?: string;
  /** Undefined: there is no goal, or it was not measured at the size that the goal is for. */
  readonly isMet?: boolean | undefined;
  readonly note?: string;
}

/** How figures grow. Both axes are logarithmic, but for the x of a course of time. */
export interface Chart {
  readonly isOverTime?: boolean;
  /** The name of the file, without its ending. */
  readonly name: string;
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly series: readonly { readonly name: string; readonly points: readonly (readonly [x: number, y: number])[] }[];
}

export interface Outcome {
  readonly lines: readonly Line[];
  readonly charts?: readonly Chart[];
  /** It could not be measured. */
  readonly hasFailed?: true;
}

/** What the table tells of a row that could not be measured. */
export function failed(name: string, error: unknown): Outcome {
  console.error(error);
  return { lines: [{ what: name, ours: 'failed', note: String(error) }], hasFailed: true };
}

/** One benchmark: `npm run bench -- name`. */
export interface Row {
  readonly name: string;
  measure(effort: Effort): Promise<Outcome>;
}
