import { afterEach, describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import {
  ActiveSession,
  ActiveSessionGroupRegistry,
  ActiveSessionModule,
  ActiveSessionRegistry,
  GroupScoped,
  PreparationFailedError,
  runInSession,
  ScopeMisuseError,
  sessionScoped,
  SessionScoped,
  type LocalSession,
} from 'nestjs-active-session';

const told: string[] = [];

@GroupScoped()
class Household {
  onModuleDestroy(): void {
    told.push('household');
  }
}
@SessionScoped()
class Cart {
  readonly items: string[] = [];
  constructor(readonly household: Household) {}
  async onModuleDestroy(): Promise<void> {
    await Promise.resolve();
    told.push('cart');
  }
}
@Injectable()
class Shop {
  constructor(
    readonly cart: Cart,
    readonly session: ActiveSession,
  ) {}
}

let module: TestingModule | undefined;

async function compile(...more: object[]): Promise<TestingModule> {
  module = await Test.createTestingModule({
    imports: [ActiveSessionModule.forRoot()],
    providers: [Household, Cart, Shop, ...more] as never,
  }).compile();
  return module;
}

afterEach(async () => {
  await module?.close();
  told.length = 0;
});

describe('runInSession()', () => {
  it('runs a function in a session of its own, and ends it', async () => {
    const app = await compile();
    let seen: LocalSession | undefined;
    const size = await runInSession(app, async (session) => {
      seen = session;
      expect(app.get(ActiveSessionRegistry).current()).toBe(session);
      expect(app.get(Shop).session.id).toBe(session.id);
      await Promise.resolve();
      return app.get(Shop).cart.items.push('apple');
    });
    expect(size).toBe(1);
    expect(seen?.endReason).toBe('terminated');
    expect(told).toEqual(['cart', 'household']);
    expect(await runInSession(app, () => app.get(Cart).items)).toEqual([]);
    expect(app.get(ActiveSessionRegistry).stats()).toMatchObject({ sessions: 0, groups: 0, created: 2 });
    expect(app.get(ActiveSessionGroupRegistry).all()).toEqual([]);
  });

  it('ends the session where the function fails, too', async () => {
    const app = await compile();
    const failing = runInSession(app, () => {
      app.get(Cart).items.push('apple');
      throw new Error('failed');
    });
    await expect(failing).rejects.toThrow('failed');
    expect(told).toEqual(['cart', 'household']);
  });

  it('has made before what must be awaited, and fails where that does', async () => {
    const index = (useFactory: () => Promise<object>) => sessionScoped({ provide: 'INDEX', useFactory });
    const app = await compile(index(async () => Promise.resolve({ words: ['ready'] })));
    expect(await runInSession(app, () => app.get<{ words: string[] }>('INDEX').words)).toEqual(['ready']);
    await app.close();
    const failing = await compile(index(async () => Promise.reject(new Error('no luck'))));
    await expect(runInSession(failing, () => 0)).rejects.toThrow(PreparationFailedError);
    expect(failing.get(ActiveSessionRegistry).all()).toEqual([]);
  });

  it('says what is missing in an application without the module', async () => {
    module = await Test.createTestingModule({}).compile();
    await expect(runInSession(module, () => 0)).rejects.toThrow(ScopeMisuseError);
    await expect(runInSession(module, () => 0)).rejects.toThrow('imports ActiveSessionModule.forRoot()');
  });
});
