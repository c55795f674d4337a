/** Something that a test lets happen: handlers and hooks wait for `opened`. */
export class Gate<T = void> {
  readonly opened: Promise<T>;
  /** Lets what waits go on. */
  open!: (value: T) => void;

  constructor() {
    this.opened = new Promise((resolve) => (this.open = resolve));
  }
}

/** Resolves when `holds` does, looking at each turn of the event loop; no clock is involved. */
export async function until(holds: () => boolean, turns = 1_000_000): Promise<void> {
  for (let turn = 0; !holds(); turn++) {
    if (turn === turns) throw new Error(`It did not come true: ${String(holds)}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Work that never ends by itself: rejects with the signal's reason. */
export function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
