import { Worker } from './process.js';
import type { Sample } from './worker.js';
import type { Effort } from './row.js';

/** One of the things that are compared: a worker of its own, asked for one of its tasks. */
export interface Variant {
  readonly file: string;
  readonly args?: object;
  readonly task: string;
  /** Which Node; this one when left out. */
  readonly execPath?: string | undefined;
}

export interface Interleaving {
  readonly effort: Effort;
  /** How long one block of a variant takes, about. */
  readonly blockMs?: number;
  /** So many blocks of each are taken in turn for one pair, which has the fastest of them: what else the machine does only ever adds. */
  readonly blocks?: number;
  /** V8 has optimised what is going to be optimised. @default 6 */
  readonly warmUpBlocks?: number;
  /** By what the fastest block is chosen. @default the time on the clock */
  readonly each?: (sample: Sample) => number;
  /** How many times a variant does it in one block, where that is not found out from `blockMs`. */
  readonly count?: number;
  /** Runs one block, where it is not the worker alone that does it. */
  readonly run?: (worker: Worker, task: string, count: number) => Promise<Sample>;
}

const BLOCK_MS = 60;
const MAX_COUNT = 1 << 24;
const WARM_UP_BLOCKS = 6;

/**
 * Measures variants in turn, A B B A …: what the machine does meanwhile meets all of them. A process settles in a
 * faster or a slower state, so each round has new ones.
 * @returns for each variant its samples; those of one place were taken one after the other
 */
export async function interleave<Name extends string>(
  variants: Record<Name, Variant>,
  options: Interleaving,
): Promise<Record<Name, Sample[]>> {
  const names = Object.keys(variants) as Name[];
  const samples = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, Sample[]>;
  const { rounds, pairs } = options.effort;
  for (let round = 0; round < rounds; round++) {
    const runs = await startRound(names, variants, options);
    try {
      for (let pair = 0; pair < pairs / rounds; pair++) {
        const order = pair % 2 === 0 ? names : [...names].reverse();
        const taken = await takeBlocks(order, runs, options);
        for (const name of names) samples[name].push(taken[name]);
      }
    } finally {
      for (const name of names) await runs[name].worker.stop();
    }
  }
  assertSameResults(names, samples);
  return samples;
}

async function takeBlocks<Name extends string>(
  names: readonly Name[],
  runs: Record<Name, { block(): Promise<Sample> }>,
  { blocks = 1, each = wallEach }: Interleaving,
): Promise<Record<Name, Sample>> {
  const taken = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, Sample[]>;
  for (let block = 0; block < blocks; block++) for (const name of names) taken[name].push(await runs[name].block());
  const fastest = (samples: Sample[]): Sample =>
    samples.reduce((best, sample) => (each(sample) < each(best) ? sample : best));
  return Object.fromEntries(names.map((name) => [name, fastest(taken[name])])) as Record<Name, Sample>;
}

async function startRound<Name extends string>(
  names: readonly Name[],
  variants: Record<Name, Variant>,
  {
    effort,
    blockMs = BLOCK_MS,
    count: fixed,
    warmUpBlocks = WARM_UP_BLOCKS,
    run = (worker, task, count) => worker.run(task, count),
  }: Interleaving,
): Promise<Record<Name, { worker: Worker; block(): Promise<Sample> }>> {
  const runs = {} as Record<Name, { worker: Worker; block(): Promise<Sample> }>;
  for (const name of names) {
    const { file, args, task, execPath } = variants[name];
    const worker = await Worker.start(file, args, { execPath });
    let count = fixed ?? 1;
    for (let block = 0; block < warmUpBlocks * effort.warmUp;) {
      const { wallNs } = await run(worker, task, count);
      if (fixed !== undefined || wallNs > blockMs * 0.5e6 || count >= MAX_COUNT) block++;
      if (fixed === undefined)
        count = Math.max(1, Math.min(count * 4, MAX_COUNT, Math.round((count * blockMs * 1e6) / wallNs)));
    }
    runs[name] = { worker, block: () => run(worker, task, count) };
  }
  return runs;
}

/** Nobody wins by doing less: in each block, all variants must have given the same. */
function assertSameResults<Name extends string>(names: readonly Name[], samples: Record<Name, Sample[]>): void {
  const results = names.flatMap((name) => samples[name].map(({ result }) => JSON.stringify(result)));
  const different = new Set(results);
  if (different.size > 1)
    throw new Error(`The variants ${names.join(', ')} did not give the same: ${[...different].join(' | ')}`);
}

/** What one time of a sample's work took, in ns. */
export function wallEach({ wallNs, count }: Sample): number {
  return wallNs / count;
}

/** The same, as the operating system counts the process's time. */
export function cpuEach({ cpuNs, count }: Sample): number {
  return cpuNs / count;
}
