import { Module, type DynamicModule } from '@nestjs/common';
import { ActiveSessionCoreModule, type ActiveSessionModuleAsyncOptions } from './active-session-core.module.js';
import type { ActiveSessionModuleOptions } from './options.js';
import { declaredLocks } from './scope/locks/inject-session-lock.js';

/**
 * Active sessions for a NestJS application. Import it once, in the root module; it is global.
 * @example
 * ```ts
 * @Module({
 *   imports: [ActiveSessionModule.forRoot({ userSession: { secret: process.env.SESSION_SECRET } })],
 *   providers: [Cart],
 *   controllers: [CartController],
 * })
 * export class AppModule {}
 * ```
 */
@Module({})
export class ActiveSessionModule {
  /**
   * @param options all optional; without `userSession` the application mounts express-session itself
   * @throws TypeError at the application's start, naming the option that is wrong and what is expected
   */
  static forRoot(options: ActiveSessionModuleOptions = {}): DynamicModule {
    return facade(ActiveSessionCoreModule.register(options));
  }

  /**
   * Like {@link forRoot}, with options that come from elsewhere: `useFactory` with `inject` and `imports`, or
   * `useClass` or `useExisting` of a class with `createActiveSessionOptions()`.
   * @throws TypeError where none of them is given
   */
  static forRootAsync(options: ActiveSessionModuleAsyncOptions): DynamicModule {
    const { useFactory, useClass, useExisting } = (options as ActiveSessionModuleAsyncOptions | null | undefined) ?? {};
    if ([useFactory, useClass, useExisting].every((given) => given === undefined))
      throw new TypeError('ActiveSessionModule: forRootAsync() takes { useFactory }, { useClass } or { useExisting }');
    return facade(ActiveSessionCoreModule.registerAsync(options));
  }
}

function facade(core: DynamicModule): DynamicModule {
  return {
    module: ActiveSessionModule,
    global: true,
    imports: [core],
    // Nest reads these when it scans this module: by then the classes that are imported statically have said which locks they want.
    get providers() {
      return declaredLocks();
    },
    get exports() {
      return [core, ...declaredLocks().map(({ provide }) => provide)];
    },
  };
}
