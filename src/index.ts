export { ActiveSessionModule } from './active-session.module.js';
export type { ActiveSessionModuleAsyncOptions } from './active-session-core.module.js';
export { Clock, SystemClock, type ClockTimer } from './clock.js';
export {
  ActiveSessionError,
  BadArgumentError,
  BadRunnerKeyError,
  ClientGoneError,
  LimitReachedError,
  LockAbortedError,
  LockTimeoutError,
  NotInSessionError,
  PositionGoneError,
  PreparationFailedError,
  RunnerGoneError,
  ScopeMisuseError,
  SessionEndedError,
  SessionUnavailableError,
  SourceOverflowError,
  type ActiveSessionErrorCode,
  type SessionEndReason,
} from './errors.js';
export { InjectActiveSession, InjectActiveSessionGroup, RunnerParam } from './http/decorators.js';
export { ParseRunnerKeyPipe } from './http/parse-runner-key.pipe.js';
export { RequestSignal, requestSignal } from './http/request-signal.js';
export { sessionPerTab, type SessionPerTabOptions } from './http/session-per-tab.js';
export { getActiveSession, getActiveSessionGroup, refreshActiveSession } from './http/request-state.js';
export type {
  ActiveSessionModuleOptions,
  LimitOptions,
  OnLimit,
  OnRegenerate,
  Overflow,
  Replay,
  SequenceOptions,
  SessionFilter,
  SessionRequest,
  SessionRule,
  SessionRuleObject,
  UserSessionOptions,
} from './options.js';
export type { Holding } from './runners/holding.js';
export { ProcessRunner, type ProcessBody, type Report } from './runners/process/process-runner.js';
export { runInSession } from './session/run-in-session.js';
export { RunnerKey, type RunnerId } from './runners/runner-key.js';
export {
  Runner,
  RunnerStatus,
  type GetAvailableOptions,
  type GetRequiredOptions,
  type RunnerChange,
  type RunnerProgress,
  type RunnerResult,
} from './runners/runner.js';
export { RunnerBase } from './runners/runner-base.js';
export { SequenceRunner, type SequenceResult } from './runners/sequence/sequence-runner.js';
export { SequenceRunnerBase } from './runners/sequence/sequence-runner-base.js';
export type { SequenceItems, SequenceSource, WebStream } from './runners/sequence/source.js';
export type {
  ProcessOptions,
  RunnerOptions,
  RunnerWanted,
  SequenceRunnerOptions,
  TimeSeriesOptions,
} from './runners/runner-options.js';
export type { Gauge, MeasuringOptions, TimePoint } from './runners/time-series/measurements.js';
export { TimeSeriesRunner } from './runners/time-series/time-series-runner.js';
export { GroupScoped, SessionScoped } from './scope/decorators.js';
export type { Token } from './scope/injection-metadata.js';
export type { Fallback, ScopedOptions } from './scope/scoped-options.js';
export { groupScoped, sessionScoped } from './scope/scoped-factory.js';
export type { ScopedFactoryOptions } from './scope/providers/scoped-factory-provider.js';
export type { OnSessionEnd } from './scope/end-hooks.js';
export { getSessionLockToken, InjectSessionLock, sessionLock } from './scope/locks/inject-session-lock.js';
export { inSession } from './scope/in-session.js';
export { LockedService, SessionLock, type AcquireOptions } from './scope/locks/session-lock.js';
export { SessionModuleRef } from './scope/session-module-ref.js';
export type { SerializedError, ErrorSerializer } from './serialized-error.js';
export { ActiveSessionGroupRegistry } from './session/active-session-group.registry.js';
export { ActiveSessionGroup } from './session/active-session-group.js';
export { ActiveSessionRegistry } from './session/active-session.registry.js';
export { ActiveSession } from './session/active-session.js';
export { GROUP_CHANNEL, SESSION_CHANNEL } from './session/event-stream.js';
export type { GroupEvent, SessionEvent, SessionStats } from './session/events.js';
export type { InjectableRunnerFactory, RunnerContext, RunnerFactory } from './session/runner-factory.js';
export { LocalSession, type CleanupReport, type Owned, type Ownership } from './session/local-session.js';
export { SessionProperties, type SessionPropertyMap } from './session/session-properties.js';
