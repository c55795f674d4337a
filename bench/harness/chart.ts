import { inDigits } from './format.js';
import type { Chart } from './row.js';

const WIDTH = 640;
const HEIGHT = 360;
const LEFT = 80;
const RIGHT = 150;
const TOP = 40;
const BOTTOM = 50;
const TICKS = 6;
/** Told apart by who sees few colours, on white and on black. */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#8a7a00'];

interface Scale {
  place(value: number): number;
  readonly ticks: readonly number[];
}

/** A chart as SVG, on the background of the page. */
export function draw({ title, x, y, series, isOverTime = false }: Omit<Chart, 'name'>): string {
  const all = series.flatMap(({ points }) => points);
  const allX = all.map(([each]) => each);
  const toX = isOverTime ? evenScale(allX, LEFT, WIDTH - RIGHT) : scale(allX, LEFT, WIDTH - RIGHT);
  const toY = scale(
    all.map(([, each]) => each),
    HEIGHT - BOTTOM,
    TOP,
  );
  const text = (at: readonly [number, number], content: string, attributes = ''): string =>
    `<text x="${at[0].toFixed(1)}" y="${at[1].toFixed(1)}" ${attributes}>${escape(content)}</text>`;
  const xs = isOverTime ? toX.ticks : [...new Set(allX)];
  const lines = series.flatMap(({ name, points }, index) => {
    const colour = COLOURS[index % COLOURS.length] ?? '#777';
    const places = points.map(([px, py]) => [toX.place(px), toY.place(py)] as const);
    const [endX = 0, endY = 0] = places.at(-1) ?? [];
    return [
      `<polyline fill="none" stroke="${colour}" stroke-width="2" points="${places.map(([px, py]) => `${px.toFixed(1)},${py.toFixed(1)}`).join(' ')}"/>`,
      ...(isOverTime ? [] : places).map(
        ([px, py]) => `<circle cx="${px.toFixed(1)}" cy="${py.toFixed(1)}" r="3" fill="${colour}"/>`,
      ),
      text([endX + 8, endY + 4], name, `fill="${colour}"`),
    ];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" role="img">`,
    `<title>${escape(title)}</title>`,
    `<g fill="#777" stroke="none">`,
    text([LEFT, 20], title, 'font-size="14"'),
    ...xs.map((each) => text([toX.place(each), HEIGHT - BOTTOM + 18], inDigits(each), 'text-anchor="middle"')),
    text([(LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10], x, 'text-anchor="middle"'),
    ...toY.ticks.map((each) => text([LEFT - 8, toY.place(each) + 4], inDigits(each), 'text-anchor="end"')),
    text([LEFT - 8, TOP - 14], y, 'text-anchor="end"'),
    `</g>`,
    `<g stroke="#777" stroke-opacity="0.3">`,
    ...toY.ticks.map((each) => horizontal(toY.place(each))),
    `</g>`,
    ...lines,
    `</svg>`,
    '',
  ].join('\n');
}

function horizontal(at: number): string {
  return `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at.toFixed(1)}" y2="${at.toFixed(1)}"/>`;
}

/** From values to places, by their logarithm, over whole powers of ten. */
function scale(values: readonly number[], from: number, to: number): Scale {
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))));
  return {
    place: (value) => from + ((Math.log10(value) - low) / (high - low)) * (to - from),
    ticks: Array.from({ length: high - low + 1 }, (_, index) => 10 ** (low + index)),
  };
}

/** From 0 on. */
function evenScale(values: readonly number[], from: number, to: number): Scale {
  const high = Math.max(1, ...values);
  return {
    place: (value) => from + (value / high) * (to - from),
    ticks: Array.from({ length: TICKS + 1 }, (_, index) => Math.round((high / TICKS) * index)),
  };
}

function escape(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;');
}
