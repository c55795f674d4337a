import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Controller,
  Get,
  Global,
  Inject,
  Injectable,
  Module,
  Optional,
  Scope,
  UseGuards,
  UseInterceptors,
  UsePipes,
  type CallHandler,
  type DynamicModule,
  type NestInterceptor,
  type PipeTransform,
} from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR, ModuleRef, REQUEST } from '@nestjs/core';
import { ActiveSession, GroupScoped, groupScoped, sessionScoped, SessionScoped } from 'nestjs-active-session';
import { closeApps } from '../support/test-app.js';
import { startScopedApp } from './scoped-app.js';

afterEach(closeApps);

@SessionScoped()
class Cart {
  count = 0;
  add(): number {
    return ++this.count;
  }
}

describe('An application may have, beside scoped providers,', () => {
  it('values of all kinds, aliases of aliases, and optional dependencies that nobody provides', async () => {
    @SessionScoped()
    class Page {
      constructor(
        @Inject('NULL') readonly nothing: null,
        @Inject('SECOND') readonly cart: Cart,
        @Optional() @Inject('MISSING') readonly missing: unknown,
        @Inject('STRICT') readonly strict: object,
        @Inject('PROMISED') readonly promised: string,
      ) {}
    }
    const strict = new Proxy(
      {},
      {
        get(_target, key) {
          if (
            typeof key === 'string' &&
            !['then', 'constructor'].includes(key) &&
            !key.startsWith('on') &&
            !key.startsWith('before')
          )
            throw new Error(`No ${key}`);
          return undefined;
        },
      },
    );
    const app = await startScopedApp({
      providers: [
        Cart,
        Page,
        { provide: 'NULL', useValue: null },
        { provide: 'FIRST', useExisting: Cart },
        { provide: 'SECOND', useExisting: 'FIRST' },
        { provide: 'STRICT', useValue: strict },
        { provide: 'PROMISED', useFactory: async () => Promise.resolve('kept') },
      ],
    });
    const { session } = await app.user();
    const page = session.services.get(Page);
    expect(page.nothing).toBeNull();
    expect(page.cart).toBe(session.services.get(Cart));
    expect(page.missing).toBeUndefined();
    expect(page.strict).toBe(strict);
    expect(page.promised).toBe('kept');
  });

  it('request-scoped, durable and transient consumers of scoped providers', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class PerRequest {
      constructor(
        readonly cart: Cart,
        @Inject(REQUEST) readonly request: object,
      ) {}
    }
    @Injectable({ scope: Scope.TRANSIENT })
    class Each {
      constructor(
        readonly cart: Cart,
        readonly session: ActiveSession,
      ) {}
    }
    @Controller({ path: 'each', scope: Scope.REQUEST })
    class EachController {
      constructor(
        readonly perRequest: PerRequest,
        readonly each: Each,
        readonly cart: Cart,
      ) {}
      @Get()
      add(): number[] {
        return [this.perRequest.cart.add(), this.each.cart.add(), this.cart.add()];
      }
    }
    const app = await startScopedApp({ providers: [Cart, PerRequest, Each], controllers: [EachController] });
    const [alice, bob] = [app.browser(), app.browser()];
    expect((await alice.get('/each')).body).toEqual([1, 2, 3]);
    expect((await alice.get('/each')).body).toEqual([4, 5, 6]);
    expect((await bob.get('/each')).body).toEqual([1, 2, 3]);
  });

  it('enhancers of every kind that are scoped: by class, by token, and in more than one module', async () => {
    @SessionScoped()
    class Counting implements NestInterceptor, PipeTransform {
      calls = 0;
      constructor(readonly cart: Cart) {}
      canActivate(): boolean {
        return ++this.calls > 0;
      }
      intercept(_context: unknown, next: CallHandler) {
        this.calls++;
        return next.handle();
      }
      transform(value: unknown): unknown {
        this.calls++;
        return value;
      }
    }
    @Controller('first')
    @UseGuards(Counting)
    class FirstController {
      @Get()
      @UseInterceptors(Counting)
      @UsePipes(Counting)
      get(): string {
        return 'first';
      }
    }
    @Controller('second')
    @UseGuards(Counting)
    class SecondController {
      @Get()
      get(): string {
        return 'second';
      }
    }
    @Module({ providers: [Cart], controllers: [SecondController] })
    class SecondModule {}
    const app = await startScopedApp({
      imports: [SecondModule],
      providers: [
        Cart,
        Counting,
        { provide: APP_GUARD, useExisting: Counting },
        { provide: APP_INTERCEPTOR, useClass: Counting },
      ],
      controllers: [FirstController],
    });
    const browser = app.browser();
    expect((await browser.get('/first')).text).toBe('first');
    expect((await browser.get('/second')).text).toBe('second');
    const [session] = app.registry.all();
    expect(session?.services.get(Counting).calls).toBeGreaterThan(0);
  });

  it('dynamic and global modules, re-exported, with factories that need each other', async () => {
    @GroupScoped()
    class Household {
      readonly name = 'household';
    }
    const title = sessionScoped({
      provide: 'TITLE',
      inject: [Household, 'COUNT', { token: 'NOT THERE', optional: true }],
      useFactory: (household: Household, count: { value: number }, absent?: unknown) => ({
        text: `${household.name} ${count.value} ${String(absent)}`,
      }),
    });
    const count = groupScoped({ provide: 'COUNT', useFactory: () => ({ value: 1 }) });
    @Global()
    @Module({})
    class CountModule {
      static register(): DynamicModule {
        return { module: CountModule, providers: [count], exports: [count] };
      }
    }
    @Module({ imports: [CountModule.register()], providers: [Household, title], exports: [title, CountModule] })
    class TitleModule {}
    @Injectable()
    class Reader {
      constructor(@Inject('TITLE') readonly title: { text: string }) {}
    }
    const app = await startScopedApp({ imports: [TitleModule], providers: [Reader] });
    expect((await app.user()).run(() => app.get(Reader).title.text)).toBe('household 1 undefined');
  });

  it('classes that have scoped ones among their parents, where these are abstract or decorated, too', async () => {
    abstract class Plain {
      abstract name(): string;
    }
    @SessionScoped()
    class Middle extends Plain {
      name(): string {
        return 'middle';
      }
    }
    @SessionScoped()
    class Last extends Middle {
      override name(): string {
        return `last of ${super.name()}`;
      }
    }
    const app = await startScopedApp({ providers: [Middle, { provide: Plain, useClass: Last }] });
    const { run } = await app.user();
    expect(run(() => [app.get(Middle).name(), app.get(Plain).name()])).toEqual(['middle', 'last of middle']);
  });

  it('what is made by ModuleRef.create(), also in a request', async () => {
    @Injectable()
    class Maker {
      constructor(private readonly moduleRef: ModuleRef) {}
      make(): Promise<Page> {
        return this.moduleRef.create(Page);
      }
    }
    @Injectable()
    class Page {
      constructor(readonly cart: Cart) {}
    }
    const app = await startScopedApp({ providers: [Cart, Maker] });
    const { run } = await app.user();
    const page = await run(() => app.get(Maker).make());
    expect(run(() => page.cart.add())).toBe(1);
    // Of a scoped class it is a provider of its own.
    const other = await app.app.get(ModuleRef).create(Cart);
    expect(run(() => other.add())).toBe(1);
    expect(run(() => app.get(Cart).add())).toBe(2);
  });
});
