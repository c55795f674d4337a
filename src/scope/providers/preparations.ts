import { ScopeMisuseError } from '../../errors.js';
import type { InstanceProvider } from './instance-provider.js';

interface Preparation {
  /** For whoever wants the instance. */
  readonly result: Promise<object>;
  /** When the making itself is over. Never rejects. */
  readonly over: Promise<void>;
  readonly refuse: (error: unknown) => void;
}

/** The instances of one scope that are being made and are awaited. */
export class Preparations {
  private readonly byProvider = new Map<InstanceProvider, Preparation>();

  get isEmpty(): boolean {
    return this.byProvider.size === 0;
  }

  has(provider: InstanceProvider): boolean {
    return this.byProvider.has(provider);
  }

  resultOf(provider: InstanceProvider): Promise<object> | undefined {
    return this.byProvider.get(provider)?.result;
  }

  /** @param made resolves with the instance when it has been put in its place */
  add(provider: InstanceProvider, made: Promise<object>): Promise<object> {
    let refuse: (error: unknown) => void = () => undefined;
    const refused = new Promise<never>((_resolve, reject) => (refuse = reject));
    const leave = (): void => void this.byProvider.delete(provider);
    const result = Promise.race([made, refused]);
    this.byProvider.set(provider, { result, over: made.then(leave, leave), refuse });
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
}

export function notPrepared(label: string, why: string): ScopeMisuseError {
  return new ScopeMisuseError(
    `${label} ${why}. Sessions prepare it before the handler where its factory or onModuleInit() is an \`async\` function, or its ` +
      'option "prepare" is true, and the option "preload" of the module is not false; elsewhere use `await session.services.resolve()`.',
  );
}
