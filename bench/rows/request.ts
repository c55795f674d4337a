import { compare } from '../harness/compare.js';
import { interleave, wallEach } from '../harness/interleave.js';
import type { Chart, Effort, Row } from '../harness/row.js';
import { median } from '../harness/statistics.js';
import type { Sample } from '../harness/worker.js';
import type { RequestArguments } from '../workers/request.js';

const EIGHTH = 1 / 8;
const BLOCKS = { blockMs: 5, blocks: 12, warmUpBlocks: 100 };

const VARIANTS = {
  without: 'singleton',
  ours: 'session-scoped',
  durable: 'durable',
  cls: 'cls-proxy',
  requestScoped: 'request-scoped',
  limit: 'context-only',
} satisfies Record<string, RequestArguments['variant']>;

type Variants = keyof typeof VARIANTS;

function measure<Name extends Variants>(
  effort: Effort,
  names: readonly Name[],
  args: Omit<RequestArguments, 'variant'> = {},
): Promise<Record<Name, Sample[]>> {
  const variants = Object.fromEntries(
    names.map((name) => [name, { file: 'request.ts', args: { ...args, variant: VARIANTS[name] }, task: 'request' }]),
  ) as unknown as Record<Name, { file: string; args: RequestArguments; task: string }>;
  return interleave(variants, { effort, ...BLOCKS });
}

/** What a scoped service adds to a request, without sockets. */
export const request: Row = {
  name: 'request',
  async measure(effort) {
    const samples = await measure(effort, Object.keys(VARIANTS) as Variants[]);
    const { without } = samples;
    const what = 'What one session-scoped service adds to a request, without sockets';
    const line = (peers: Sample[], peer: string, goal?: number) =>
      compare(samples.ours, peers, { what, peer, without, ...(goal !== undefined && { goal: { atMost: goal } }) });
    return {
      lines: [
        line(samples.durable, 'Nest, durable provider', EIGHTH),
        line(samples.cls, 'nestjs-cls, proxy provider', EIGHTH),
        line(samples.requestScoped, 'Nest, request-scoped provider'),
        compare(samples.limit, samples.durable, {
          what: 'The limit: an AsyncLocalStorage entered, and the end of the answer noticed, and nothing else',
          peer: 'Nest, durable provider',
          without,
        }),
      ],
      charts: effort.growth ? await growth({ ...effort, pairs: 4, rounds: 1 }) : [],
    };
  },
};

const ALL = ['ours', 'durable', 'cls'] as const;

const GROWTH: readonly {
  key: 'providers' | 'users' | 'rules';
  name: string;
  x: string;
  sizes: readonly number[];
  variants: readonly Variants[];
}[] = [
  {
    key: 'providers',
    name: 'request-by-providers',
    x: 'scoped providers that the request uses',
    sizes: [1, 10, 100],
    variants: ALL,
  },
  { key: 'users', name: 'request-by-sessions', x: 'sessions', sizes: [1_000, 10_000, 100_000], variants: ALL },
  {
    key: 'rules',
    name: 'request-by-rules',
    x: 'rules, of which the last matches',
    sizes: [1, 10, 100],
    variants: ['ours'],
  },
];

async function growth(effort: Effort): Promise<Chart[]> {
  const charts: Chart[] = [];
  for (const { key, name, x, sizes, variants } of GROWTH) {
    const points = new Map<Variants, [number, number][]>(variants.map((variant) => [variant, []]));
    for (const size of sizes) {
      const samples = await measure(effort, variants, { [key]: size });
      for (const variant of variants) points.get(variant)?.push([size, median(samples[variant].map(wallEach)) / 1_000]);
    }
    const series = variants.map((variant) => ({ name: VARIANTS[variant], points: points.get(variant) ?? [] }));
    charts.push({ name, title: 'One request without sockets', x, y: 'µs', series });
  }
  return charts;
}
