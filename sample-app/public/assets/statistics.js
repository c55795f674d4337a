import { drawBars } from './chart.js';
import { act, element, make, showSession } from './page.js';
import { RunnerView } from './runner-view.js';
import { Trigger } from './trigger.js';
import { bytes, count, duration, timeOfDay } from './units.js';

const TRIGGERS = 3;
const NOTHING_YET = '–';

const view = new RunnerView({
  path: '/api/statistics',
  noneText: 'Nothing counted yet.',
  goneText: 'These statistics are gone, with their session or because nobody read them for long.',
  body: ({ folder, rate }) => ({
    folder: folder.value,
    ...(rate.value !== '' && { maxFoldersPerSecond: rate.valueAsNumber }),
  }),
  clear,
  apply,
  onGone: () => triggers.forEach((trigger) => trigger.refresh()),
});
const triggers = Array.from({ length: TRIGGERS }, (_, i) => addTrigger(i + 1));

function clear() {
  triggers.forEach((trigger) => trigger.reset());
  for (const id of ['folders', 'files', 'bytes', 'elapsed', 'estimated-end']) element(id).textContent = NOTHING_YET;
  element('of-folder').textContent = '';
  element('progress').value = 0;
  element('rows').replaceChildren();
  element('chart').replaceChildren();
}

function apply({ folder, position, progress, elapsedMs, totals }) {
  triggers.forEach((trigger) => trigger.refresh());
  element('of-folder').textContent = folder === '' ? 'of the whole folder' : `of ${folder}`;
  element('elapsed').textContent = duration(elapsedMs);
  element('estimated-end').textContent = view.isFinal ? NOTHING_YET : estimatedEnd(progress.etaMs);
  showProgress(position, view.status === 'completed' ? position : progress.estimatedEnd);
  if (totals === undefined) return;
  element('folders').textContent = count(totals.folders);
  element('files').textContent = count(totals.files);
  element('bytes').textContent = bytes(totals.bytes);
  showExtensions(totals);
}

function estimatedEnd(etaMs) {
  if (etaMs === undefined) return 'Counting the folders…';
  return `${timeOfDay(Date.now() + etaMs)}, in ${duration(etaMs)}`;
}

/** Without an end it shows that something is being done. */
function showProgress(position, end) {
  const progress = element('progress');
  if (end === undefined) return progress.removeAttribute('value');
  progress.max = end;
  progress.value = position;
}

function showExtensions({ extensions, others, bytes: allBytes }) {
  const bars = extensions.map(({ extension, ...sums }) => ({ name: extension || 'none', ...sums }));
  if (others.extensions > 0) bars.push({ name: `${count(others.extensions)} others`, ...others });
  const [greatest] = bars;
  const label = greatest
    ? `Bytes by extension. The most: ${greatest.name}, ${bytes(greatest.bytes)} of ${bytes(allBytes)}.`
    : 'Bytes by extension. No files yet.';
  drawBars(element('chart'), {
    bars: bars.map((bar) => ({ name: bar.name, value: bar.bytes })),
    label,
    format: bytes,
  });
  element('rows').replaceChildren(...bars.map(rowOf));
}

function rowOf({ name, bytes: sum, files }) {
  return make('tr', {}, make('th', { scope: 'row' }, name), make('td', {}, bytes(sum)), make('td', {}, count(files)));
}

function addTrigger(number) {
  const item = element('trigger').content.cloneNode(true);
  const form = item.querySelector('form');
  form.setAttribute('aria-label', `Trigger ${number}`);
  element('triggers').append(item);
  return new Trigger(form, view);
}

await act(async () => {
  await showSession();
  await view.openFromHash();
});
