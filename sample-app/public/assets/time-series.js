import { drawLine } from './chart.js';
import { act, element, make, showSession } from './page.js';
import { RunnerView } from './runner-view.js';
import { bytes, count, duration, milliseconds, timeOfDay } from './units.js';

/** More would not fit into the width of a chart. */
const MAX_POINTS_SHOWN = 600;
const ROWS_SHOWN = 10;

const LINES = [
  { id: 'heap-used', name: 'Heap used', field: 'heapUsedBytes', format: bytes },
  { id: 'event-loop-delay', name: 'Event loop delay', field: 'eventLoopDelayMs', format: milliseconds },
  { id: 'running-searches', name: 'Running searches', field: 'runningSearches', format: count, minStep: 1 },
];

/** The latest points, oldest first. */
let points = [];

const view = new RunnerView({
  path: '/api/time-series',
  noneText: 'Nothing measured yet.',
  goneText: 'This time series is gone, with its session or because nobody read it for long.',
  body: ({ interval, count: limit }) => ({
    intervalSeconds: interval.valueAsNumber,
    ...(limit.value !== '' && { count: limit.valueAsNumber }),
  }),
  clear,
  apply,
});

function clear() {
  points = [];
  element('count').textContent = '0';
  element('cap').hidden = true;
  element('plan').textContent = '';
  element('rows').replaceChildren();
  for (const { id } of LINES) element(id).replaceChildren();
}

function apply({ plan, points: added }) {
  points = [...points, ...added].slice(-MAX_POINTS_SHOWN);
  element('count').textContent = count(view.cursor);
  element('cap').hidden = view.cursor <= MAX_POINTS_SHOWN;
  element('cap').textContent = `, the last ${MAX_POINTS_SHOWN} are shown`;
  element('plan').textContent = ` of ${count(plan.count)}, one every ${plan.intervalSeconds} s`;
  if (added.length === 0) return;
  for (const line of LINES) draw(line);
  element('rows').replaceChildren(...points.slice(-ROWS_SHOWN).reverse().map(rowOf));
}

function draw({ id, name, field, format, minStep }) {
  const values = points.map((point) => point[field]);
  const spanMs = Date.parse(points.at(-1).at) - Date.parse(points[0].at);
  const range = `from ${format(Math.min(...values))} to ${format(Math.max(...values))}`;
  drawLine(element(id), {
    points: points.map((point) => ({ x: Date.parse(point.at), y: point[field] })),
    label: `${name}: ${format(values.at(-1))} now, ${range} in the last ${duration(spanMs)}.`,
    format,
    formatX: timeOfDay,
    minStep,
  });
}

function rowOf(point) {
  return make(
    'tr',
    {},
    make('th', { scope: 'row' }, timeOfDay(point.at)),
    ...LINES.map(({ field, format }) => make('td', {}, format(point[field]))),
  );
}

await act(async () => {
  await showSession();
  await view.openFromHash();
});
