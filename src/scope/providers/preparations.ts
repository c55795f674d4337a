import { ScopeMisuseError } from '../../errors.js';
import type { InstanceProvider } from './instance-provider.js';

interface Preparation {
  /** For whoever wants the instance. */
  readonly result: Promise<object>;
  /** When the making itself is over. Never rejects. */
  readonly over: Promise<void>;
  readonly refuse: (error: unknown) => void;
  /** What the code that makes it is waiting for. */
  readonly waitsFor: Set<InstanceProvider>;
}

/** The instances of one scope that are being made and are awaited. */
export class Preparations {
  private readonly byProvider = new Map<InstanceProvider, Preparation>();

  get isEmpty(): boolean {
    return this.byProvider.size === 0;
  }

  /**
   * Undefined where it is not being made.
   * @param waiting of which the code that makes it asks
   * @throws ScopeMisuseError where they would wait for each other
   */
  waitFor(provider: InstanceProvider, waiting: InstanceProvider | undefined): Promise<object> | undefined {
    const preparation = this.byProvider.get(provider);
    const waitsFor = waiting === undefined ? undefined : this.byProvider.get(waiting)?.waitsFor;
    if (preparation === undefined || waiting === undefined || waitsFor === undefined) return preparation?.result;
    const path = this.pathOfWaits(provider, waiting);
    if (path !== undefined)
      throw new ScopeMisuseError(
        `${[waiting, ...path].map(({ label }) => label).join(' -> ')}: what is awaited while it is made waits for itself. ` +
          'Break the circle with a method call, or a provider that both depend on.',
      );
    waitsFor.add(provider);
    void preparation.over.then(() => waitsFor.delete(provider));
    return preparation.result;
  }

  /** @param made resolves with the instance when it has been put in its place */
  add(provider: InstanceProvider, made: Promise<object>): Promise<object> {
    let refuse: (error: unknown) => void = () => undefined;
    const refused = new Promise<never>((_resolve, reject) => (refuse = reject));
    const leave = (): void => void this.byProvider.delete(provider);
    const result = Promise.race([made, refused]);
    this.byProvider.set(provider, { result, over: made.then(leave, leave), refuse, waitsFor: new Set() });
    return result;
  }

  /** Nobody waits any longer. */
  refuseAll(error: unknown): void {
    for (const { refuse } of this.byProvider.values()) refuse(error);
  }

  /** What is still being made. */
  *pending(): Iterable<{ label: string; over: Promise<void> }> {
    for (const [{ label }, { over }] of this.byProvider) yield { label, over };
  }

  private pathOfWaits(from: InstanceProvider, to: InstanceProvider): InstanceProvider[] | undefined {
    if (from === to) return [to];
    for (const next of this.byProvider.get(from)?.waitsFor ?? []) {
      const path = this.pathOfWaits(next, to);
      if (path !== undefined) return [from, ...path];
    }
    return undefined;
  }
}

export function notPrepared(label: string): ScopeMisuseError {
  return new ScopeMisuseError(
    `${label} is made asynchronously, and is not there yet. In requests it is prepared before the handler, unless the option ` +
      '"preload" of the module is false; elsewhere use `await session.services.resolve()`.',
  );
}

/** Nobody knew before that it must be awaited. */
export function notDeclaredAsync(label: string): ScopeMisuseError {
  return new ScopeMisuseError(
    `${label} is made asynchronously, which only its making has shown. To have it prepared before the handler give it the option ` +
      '"prepare: true", or make its factory or onModuleInit() an `async` function; or use `await session.services.resolve()`.',
  );
}
