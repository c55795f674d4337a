/**
 * A host answers this key with the key itself, also through proxies that others put around it. A mock does not, were it
 * a proxy that answers every question, or made by `new ScopeHost()`.
 */
export const HOST_MARK = Symbol('nestjs-active-session.scope-host');
