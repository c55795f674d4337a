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

function measure(effort: Effort, args: Omit<RequestArguments, 'variant'>): Promise<Record<Variants, Sample[]>> {
  const names = Object.keys(VARIANTS) as Variants[];
  const variants = Object.fromEntries(
    names.map((name) => [name, { file: 'request.ts', args: { ...args, variant: VARIANTS[name] }, task: 'request' }]),
  ) as Record<Variants, { file: string; args: RequestArguments; task: string }>;
  return interleave(variants, { effort, ...BLOCKS });
}

/** What a scoped service adds to a request, without sockets. */
export const request: Row = {
  name: 'request',
  async measure(effort) {
    const samples = await measure(effort, {});
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
      charts: effort.growth ? await growth({ ...effort, pairs: 4, rounds: 2 }) : [],
    };
  },
};

const GROWTH = [
  { key: 'providers', name: 'request-by-providers', x: 'scoped providers used by the request', sizes: [1, 10, 100] },
  { key: 'users', name: 'request-by-sessions', x: 'sessions', sizes: [1_000, 10_000, 100_000] },
  { key: 'rules', name: 'request-by-rules', x: 'rules, of which the last matches', sizes: [1, 10, 100] },
] as const;

async function growth(effort: Effort): Promise<Chart[]> {
  const charts: Chart[] = [];
  for (const { key, name, x, sizes } of GROWTH) {
    const points = { ours: [], durable: [], cls: [] } as Record<'ours' | 'durable' | 'cls', [number, number][]>;
    for (const size of sizes) {
      const samples = await measure(effort, { [key]: size });
      for (const variant of ['ours', 'durable', 'cls'] as const)
        points[variant].push([size, median(samples[variant].map(wallEach)) / 1_000]);
    }
    const series = [
      { name: 'session-scoped', points: points.ours },
      ...(key === 'rules'
        ? []
        : [
            { name: 'durable', points: points.durable },
            { name: 'nestjs-cls proxy', points: points.cls },
          ]),
    ];
    charts.push({ name, title: 'One request without sockets', x, y: 'µs', series });
  }
  return charts;
}
