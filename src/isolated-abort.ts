/**
 * An AbortController whose listeners are isolated: the error of one is handed to `onError`, and the others run. An
 * error in a listener of a bare signal ends the process, and the code that aborts cannot prevent it.
 */
export class IsolatedAbort {
  private readonly controller = new AbortController();

  constructor(private readonly onError: (error: unknown) => void) {
    isolateListeners(this.controller.signal, onError);
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  abort(reason: unknown): void {
    this.controller.abort(reason);
  }
}

type Listener = ((event: Event) => unknown) | { handleEvent(event: Event): unknown };
type ListenerOptions = Parameters<AbortSignal['addEventListener']>[2];

function isolateListeners(signal: AbortSignal, onError: (error: unknown) => void): void {
  const wrappers = new WeakMap<Listener, (event: Event) => void>();
  const wrap = (listener: Listener): ((event: Event) => void) => {
    const existing = wrappers.get(listener);
    if (existing !== undefined) return existing;
    const wrapper = (event: Event): void => callIsolated(signal, listener, event, onError);
    wrappers.set(listener, wrapper);
    return wrapper;
  };
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  let onabort: unknown = null;
  Object.defineProperties(signal, {
    addEventListener: {
      configurable: true,
      value: (type: string, listener: Listener | null, options?: ListenerOptions): void => {
        if (listener !== null) add(type, wrap(listener), options);
      },
    },
    removeEventListener: {
      configurable: true,
      value: (type: string, listener: Listener | null, options?: ListenerOptions): void => {
        if (listener !== null) remove(type, wrappers.get(listener) ?? listener, options);
      },
    },
    onabort: {
      configurable: true,
      get: () => onabort,
      set: (listener: unknown) => {
        if (typeof onabort === 'function') signal.removeEventListener('abort', onabort as () => void);
        onabort = listener;
        if (typeof listener === 'function') signal.addEventListener('abort', listener as () => void);
      },
    },
  });
}

function callIsolated(signal: AbortSignal, listener: Listener, event: Event, onError: (error: unknown) => void): void {
  try {
    const result: unknown = typeof listener === 'function' ? listener.call(signal, event) : listener.handleEvent(event);
    if (result instanceof Promise) result.catch(onError);
  } catch (error) {
    onError(error);
  }
}
