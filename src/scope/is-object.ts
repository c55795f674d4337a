/** Whether a value can have members of its own: functions and classes, too. */
export function isObject(value: unknown): value is object {
  return typeof value === 'object' ? value !== null : typeof value === 'function';
}
