/** Something that a test lets happen: handlers and hooks wait for `opened`. */
export class Gate<T = void> {
  readonly opened: Promise<T>;
  /** Lets what waits go on. */
  open!: (value: T) => void;

  constructor() {
    this.opened = new Promise((resolve) => (this.open = resolve));
  }
}

/** Less than a test may take, so that the error says what did not come true. */
const UNTIL_LIMIT_NS = 10_000_000_000n;

// Kept from before a test can fake it. Turns would be no measure: a busy machine needs many for one packet.
const now = process.hrtime.bigint.bind(process.hrtime);

/** Resolves when `holds` does, looking at each turn of the event loop. */
export async function until(holds: () => boolean): Promise<void> {
  const end = now() + UNTIL_LIMIT_NS;
  while (!holds()) {
    if (now() > end) throw new Error(`It did not come true: ${String(holds)}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Work that never ends by itself: rejects with the signal's reason. */
export function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
