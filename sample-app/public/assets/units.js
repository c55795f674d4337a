/* Numbers as people read them. */
const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

const whole = new Intl.NumberFormat('en');
const threeDigits = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });

export const count = (number) => whole.format(number);

export const milliseconds = (ms) => `${threeDigits.format(ms)} ms`;

export function bytes(number) {
  let power = 0;
  // From 999.5 on it would be written as 1,000 of the smaller unit.
  while (number / 1000 ** power >= 999.5 && power < BYTE_UNITS.length - 1) power += 1;
  return `${threeDigits.format(number / 1000 ** power)} ${BYTE_UNITS[power]}`;
}

export function duration(ms) {
  const seconds = Math.round(ms / 1000);
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export const timeOfDay = (date) => new Date(date).toLocaleTimeString();
