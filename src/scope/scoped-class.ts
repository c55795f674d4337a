import { ScopeMisuseError } from '../errors.js';
import { copyDiscoveryLink } from '../nest-internals.js';
import { MEND, mendPlaceholder } from './clients/client-proxy.js';
import { describeInjection, hasNestScope, injectedParameters } from './injection-metadata.js';
import { isScopeHost } from './scope-host.js';
import type { ScopedOptions } from './scoped-options.js';
import type { ScopeLevel } from './scope.js';
import { hasTwoScopes, isController, isUndecorated } from './misuse.js';
import { markScoped, scopedMarkOf } from './scoped-mark.js';
import { ScopedClassProvider, type ScopedClass } from './providers/scoped-class-provider.js';

/** What `@Controller()` notes on a class. */
const CONTROLLER = '__controller__';

/**
 * Makes the subclass that takes the place of a decorated class. When Nest constructs it (the hidden argument is there)
 * it notes the arguments and returns a client proxy. When anybody else does, it is the plain class.
 */
export function makeScopedClass(
  target: ScopedClass,
  level: ScopeLevel,
  decorator: string,
  options: ScopedOptions,
): ScopedClass {
  if (scopedMarkOf(target) !== undefined)
    throw new ScopeMisuseError(`${target.name} is scoped twice. Keep one of @SessionScoped() and @GroupScoped().`);
  const assertNoNestScope = (type: ScopedClass): void => {
    if (hasNestScope(type)) throw new ScopeMisuseError(hasTwoScopes(target.name, decorator));
  };
  assertNoNestScope(target);
  if (Reflect.hasOwnMetadata(CONTROLLER, target)) throw new ScopeMisuseError(isController(target.name));
  const tokens = injectedParameters(target);

  const Scoped = class extends target {
    constructor(...args: unknown[]) {
      const host = args.at(-1);
      if (isScopeHost(host)) {
        if (new.target !== Scoped) throw new ScopeMisuseError(isUndecorated(new.target.name, target.name, decorator));
        assertNoNestScope(Scoped); // put above this decorator
        host.refuseRequestScope(Scoped);
        return new ScopedClassProvider(level, Scoped, args.slice(0, -1), host, options).client;
      }
      super(...args);
    }
  };

  Object.defineProperty(Scoped, 'name', { value: target.name, configurable: true });
  // SWC lets the class's own code refer to the undecorated class: objects made there must pass `instanceof`, too.
  Object.defineProperty(Scoped, Symbol.hasInstance, {
    configurable: true,
    value(this: ScopedClass, value: unknown): boolean {
      return target[Symbol.hasInstance].call(this === Scoped ? target : this, value);
    },
  });
  Object.defineProperty(Scoped.prototype, MEND, { configurable: true, get: () => undefined, set: mendPlaceholder });
  copyDiscoveryLink(target, Scoped);
  describeInjection(Scoped, target, tokens);
  markScoped(Scoped, { level, by: decorator });
  return Scoped;
}
