import { ScopeMisuseError } from '../../errors.js';
import type { InstanceProvider } from './instance-provider.js';

/** The making of one instance that is awaited. */
export class Preparation {
  /** For whoever wants the instance. */
  private readonly result: Promise<object>;
  /** When the making itself is over. Never rejects. */
  readonly over: Promise<void>;
  /** Nobody waits any longer. */
  readonly refuse: (error: unknown) => void;
  /** What the code that makes it is waiting for. */
  private readonly waitsFor = new Set<Preparation>();
  private isOver = false;

  /** @param make begins the making; what it resolves with has been put in its place */
  constructor(
    readonly label: string,
    make: (preparation: Preparation) => Promise<object>,
  ) {
    let refuse: (error: unknown) => void = () => undefined;
    const refused = new Promise<never>((_resolve, reject) => (refuse = reject));
    const made = make(this);
    const leave = (): void => void (this.isOver = true);
    this.refuse = refuse;
    this.over = made.then(leave, leave);
    this.result = Promise.race([made, refused]);
    // Perhaps nobody asks for it: then its failure is not the process's.
    this.result.catch(() => undefined);
  }

  /**
   * @param asking the making whose code asks for it; undefined for all other code
   * @throws ScopeMisuseError where that would wait for itself
   */
  resultFor(asking: Preparation | undefined): Promise<object> {
    if (asking === undefined || asking.isOver) return this.result;
    const path = this.pathTo(asking, new Set());
    if (path !== undefined)
      throw new ScopeMisuseError(
        `${[asking, ...path].map(({ label }) => label).join(' -> ')}: each waits for the next, so none is ever made. ` +
          'Break the circle: move what both need to a third provider, or ask for it later, in a method.',
      );
    asking.waitsFor.add(this);
    void this.over.then(() => asking.waitsFor.delete(this));
    return this.result;
  }

  private pathTo(target: Preparation, seen: Set<Preparation>): Preparation[] | undefined {
    if (this === target) return [this];
    if (seen.has(this)) return undefined;
    seen.add(this);
    for (const next of this.waitsFor) {
      const path = next.pathTo(target, seen);
      if (path !== undefined) return [this, ...path];
    }
    return undefined;
  }
}

/** The instances of one scope that are being made and are awaited. */
export class Preparations {
  private readonly byProvider = new Map<InstanceProvider, Preparation>();

  get isEmpty(): boolean {
    return this.byProvider.size === 0;
  }

  get(provider: InstanceProvider): Preparation | undefined {
    return this.byProvider.get(provider);
  }

  add(provider: InstanceProvider, make: (preparation: Preparation) => Promise<object>): Preparation {
    const preparation = new Preparation(provider.label, make);
    this.byProvider.set(provider, preparation);
    void preparation.over.then(() => {
      // Another one may have taken its place: get() asks while resolve() only begins.
      if (this.byProvider.get(provider) === preparation) this.byProvider.delete(provider);
    });
    return preparation;
  }

  /** Nobody waits any longer. */
  refuseAll(error: unknown): void {
    for (const { refuse } of this.byProvider.values()) refuse(error);
  }

  /** What is still being made. */
  unfinished(): Iterable<Preparation> {
    return this.byProvider.values();
  }
}
