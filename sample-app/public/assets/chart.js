/*
 * Charts as SVG. They have the size of their viewBox at 100 % and shrink or grow with the page; colours come from the
 * style sheet. A chart is one image to a screen reader: its label says what is to be seen, a table has the numbers.
 */
const SVG = 'http://www.w3.org/2000/svg';
const WIDTH = 360;
const TEXT_HEIGHT = 12;

const LINE_HEIGHT = 150;
const LINE_FRAME = { left: 60, right: 10, top: 10, bottom: 22 };

const BAR_STEP = 24;
const BAR_FRAME = { left: 72, right: 64, top: 4, bottom: 22 };

/** @param range where the ends of the domain go to */
export function scale([low, high], [start, end]) {
  const factor = high === low ? 0 : (end - start) / (high - low);
  return (value) => start + (value - low) * factor;
}

/**
 * Round numbers in equal steps of 1, 2 or 5 times a power of ten, from at most `low` to at least `high`.
 * @param minStep 1 for what has no halves
 */
export function niceTicks(low, high, { maxSteps = 4, minStep = 0 } = {}) {
  const roughStep = (high - low || Math.abs(high) || 1) / maxSteps;
  const power = 10 ** Math.floor(Math.log10(roughStep));
  const factor = [1, 2, 5].find((candidate) => candidate * power >= roughStep * (1 - 1e-9)) ?? 10;
  const step = Math.max(minStep, factor * power);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.max(first + 1, Math.ceil(high / step - 1e-9));
  // Rounded: 3 * 0.1 is not 0.3.
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/**
 * @param points `{ x, y }`, ascending by x
 * @param format makes the text of a value, `formatX` that of the first and the last x
 * @param minStep see `niceTicks`
 */
export function drawLine(svg, { points, label, format, formatX, minStep }) {
  const xs = points.map(({ x }) => x);
  const ys = points.map(({ y }) => y);
  const { left, right, top, bottom } = LINE_FRAME;
  const ticks = niceTicks(0, Math.max(0, ...ys), { minStep });
  const x = scale([xs[0], xs.at(-1)], [left, WIDTH - right]);
  const y = scale([ticks[0], ticks.at(-1)], [LINE_HEIGHT - bottom, top]);
  const path = points.map((point, i) => `${i === 0 ? 'M' : 'L'}${round(x(point.x))} ${round(y(point.y))}`).join('');
  const last = points.at(-1);
  const baseline = LINE_HEIGHT - 6;
  replace(svg, LINE_HEIGHT, label, [
    ...ticks.flatMap((tick) => [
      shape('line', { class: 'chart-grid', x1: left, x2: WIDTH - right, y1: round(y(tick)), y2: round(y(tick)) }),
      text(format(tick), { x: left - 6, y: round(y(tick) + TEXT_HEIGHT / 3), 'text-anchor': 'end' }),
    ]),
    shape('path', { class: 'chart-line', d: path }),
    shape('circle', { class: 'chart-dot', cx: round(x(last.x)), cy: round(y(last.y)), r: 3 }),
    text(formatX(xs[0]), { x: left, y: baseline }),
    ...(points.length > 1 ? [text(formatX(last.x), { x: WIDTH - right, y: baseline, 'text-anchor': 'end' })] : []),
  ]);
}

/**
 * Bars from left to right, one below the other.
 * @param bars `{ name, value }`
 * @param format makes the text of a value
 */
export function drawBars(svg, { bars, label, format }) {
  const { left, right, top, bottom } = BAR_FRAME;
  const end = top + bars.length * BAR_STEP;
  const x = scale([0, Math.max(1, ...bars.map(({ value }) => value))], [left, WIDTH - right]);
  replace(
    svg,
    end + bottom - TEXT_HEIGHT,
    label,
    bars.flatMap(({ name, value }, i) => {
      const middle = top + i * BAR_STEP + BAR_STEP / 2 + TEXT_HEIGHT / 3;
      const width = round(x(value) - left);
      return [
        text(name, { x: left - 6, y: middle, 'text-anchor': 'end' }),
        shape('rect', { class: 'chart-bar', x: left, y: top + i * BAR_STEP + 3, width, height: BAR_STEP - 6, rx: 2 }),
        text(format(value), { x: left + width + 5, y: middle }),
      ];
    }),
  );
}

function replace(svg, height, label, shapes) {
  svg.setAttribute('viewBox', `0 0 ${WIDTH} ${height}`);
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', label);
  svg.replaceChildren(...shapes);
}

function shape(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function text(content, attributes) {
  const made = shape('text', { class: 'chart-text', ...attributes });
  made.textContent = content;
  return made;
}

function round(coordinate) {
  return Math.round(coordinate * 10) / 10;
}
