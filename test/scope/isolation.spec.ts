import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Inject, Injectable, type MessageEvent, Param, Post, Sse } from '@nestjs/common';
import {
  ActiveSession,
  ActiveSessionRegistry,
  BadArgumentError,
  GroupScoped,
  inSession,
  NotInSessionError,
  SessionEndedError,
  SessionScoped,
} from 'nestjs-active-session';
import { EventEmitter } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { defer, map, Observable, of, Subject, take, throwError, toArray } from 'rxjs';
import { closeApps } from '../support/test-app.js';
import { type ScopedApp, startScopedApp, type User } from './scoped-app.js';

afterEach(closeApps);

@SessionScoped()
class Profile {
  name = 'nobody';
}

/** Holds what follows the session of its caller. */
@Injectable()
class Greeter {
  constructor(private readonly profile: Profile) {}

  greet(): string {
    return `Hello ${this.profile.name}`;
  }
}

/** Holds the real profile of its own session. */
@SessionScoped()
class Letter {
  constructor(readonly profile: Profile) {}

  text(): string {
    return `Dear ${this.profile.name}`;
  }

  *lines(): Generator<string> {
    yield this.text();
    yield 'Yours';
  }
}

const providers = [Profile, Greeter, Letter];

/** An application with two users who have said who they are. */
async function startWithTwo(more: Parameters<typeof startScopedApp>[0] = {}) {
  const app = await startScopedApp({ ...more, providers: [...providers, ...(more.providers ?? [])] });
  const named = async (name: string): Promise<User> => {
    const user = await app.user();
    user.session.services.get(Profile).name = name;
    return user;
  };
  return { app, alice: await named('alice'), bob: await named('bob') };
}

function greet(app: ScopedApp): string {
  return app.get(Greeter).greet();
}

describe("While a request of one user runs, another user's", () => {
  it('object uses the objects of its own session', async () => {
    const { alice, bob } = await startWithTwo();
    const letter = alice.session.services.get(Letter);
    expect(bob.run(() => letter.text())).toBe('Dear alice');
    expect(bob.run(() => [...letter.lines()])).toEqual(['Dear alice', 'Yours']);
    expect(letter.text()).toBe('Dear alice');
  });

  it('object that is made then gets the objects of its own session', async () => {
    const { app, alice, bob } = await startWithTwo();
    const letter = bob.run(() => alice.session.services.get(Letter));
    expect(bob.run(() => letter.text())).toBe('Dear alice');
    expect(bob.run(() => app.get(Letter).text())).toBe('Dear bob');
  });

  it('object follows the caller where it goes through a singleton, or through a list of others', async () => {
    @SessionScoped()
    class Indirect {
      constructor(
        readonly greeter: Greeter,
        @Inject('profiles') readonly profiles: Profile[],
      ) {}
    }
    const { app, alice, bob } = await startWithTwo({
      providers: [Indirect, { provide: 'profiles', useFactory: (profile: Profile) => [profile], inject: [Profile] }],
    });
    const indirect = alice.session.services.get(Indirect);
    const texts = (): unknown[] => [indirect.greeter.greet(), indirect.profiles[0]!.name];
    expect(bob.run(texts)).toEqual(['Hello bob', 'bob']);
    expect(bob.run(() => app.registry.run(alice.session, texts))).toEqual(['Hello alice', 'alice']);
  });

  it('session can be entered with ActiveSessionRegistry.run(), and is left again', async () => {
    const { app, alice, bob } = await startWithTwo();
    const { registry } = app;
    await bob.run(async () => {
      expect(greet(app)).toBe('Hello bob');
      const inside = registry.run(alice.session, async () => {
        const before = greet(app);
        await nextTurn();
        return [before, greet(app), registry.current() === alice.session];
      });
      expect(greet(app)).toBe('Hello bob');
      expect(await inside).toEqual(['Hello alice', 'Hello alice', true]);
      expect(registry.current()).toBe(bob.session);
    });
    expect(() => registry.run(alice.session, () => JSON.parse('{'))).toThrow(SyntaxError);
    expect(registry.current()).toBeUndefined();
  });

  it('runner works in the session that started it, whoever reads it', async () => {
    const { app, alice, bob } = await startWithTwo();
    const sequence = alice.run(() =>
      alice.session.createSequenceRunner(async function* () {
        yield greet(app);
        await nextTurn();
        yield greet(app);
      }),
    );
    const lazy = alice.session.createSequenceRunner(
      (function* () {
        yield greet(app);
      })(),
    );
    const process = bob.run(() => alice.session.createProcessRunner(() => greet(app)));
    await bob.run(async () => {
      expect((await sequence.getRequired()).result).toEqual(['Hello alice', 'Hello alice']);
      expect((await lazy.getRequired()).result).toEqual(['Hello alice']);
      expect((await process.getRequired()).result).toBe('Hello alice');
    });
  });

  it('constructor and hooks run in their own session', async () => {
    const seen: string[] = [];
    @SessionScoped()
    class Diary {
      constructor(private readonly greeter: Greeter) {
        seen.push(`made: ${greeter.greet()}`);
      }

      async onSessionEnd(): Promise<void> {
        await nextTurn();
        seen.push(`ended: ${this.greeter.greet()}`);
      }
    }
    const { app, alice, bob } = await startWithTwo({ providers: [Diary] });
    bob.run(() => alice.session.services.get(Diary));
    await bob.run(async () => {
      await alice.session.terminate();
      expect(greet(app)).toBe('Hello bob');
    });
    expect(seen).toEqual(['made: Hello alice', 'ended: Hello alice']);
  });
});

describe('Work that goes on', () => {
  it('after its response is still of its session: timers, promises and microtasks', async () => {
    const after: Promise<string>[] = [];
    @Controller('later')
    class LaterController {
      constructor(private readonly greeter: Greeter) {}
      @Post(':name')
      later(): string {
        const { greeter } = this;
        after.push(new Promise((resolve) => setTimeout(() => resolve(greeter.greet()), 5)));
        after.push(nextTurn().then(() => greeter.greet()));
        return greeter.greet();
      }
    }
    const { alice, bob } = await startWithTwo({ controllers: [LaterController] });
    for (const { browser } of [alice, bob]) await browser.post('/later/x');
    expect(await Promise.all(after)).toEqual(['Hello alice', 'Hello alice', 'Hello bob', 'Hello bob']);
  });

  it('after the end of its session is told so', async () => {
    const { app, alice } = await startWithTwo();
    let proceed = (): void => {};
    const gate = new Promise<void>((resolve) => (proceed = resolve));
    const late = alice.run(async () => {
      await gate;
      return greet(app);
    });
    const bound = alice.session.bind(() => greet(app));
    await alice.session.terminate();
    proceed();
    await expect(late).rejects.toThrow(SessionEndedError);
    await expect(late).rejects.toThrow(/has ended \(terminated\)/);
    expect(bound).toThrow(SessionEndedError);
    expect(() => app.registry.run(alice.session, () => greet(app))).toThrow(SessionEndedError);
  });
});

describe('What sessions share calls back in the session of whoever emits', () => {
  it('unless the callback was bound', async () => {
    const { app, alice, bob } = await startWithTwo();
    const emitter = new EventEmitter();
    const heard: unknown[] = [];
    alice.run(() => {
      emitter.on('ping', () => heard.push(greet(app)));
      emitter.on(
        'ping',
        alice.session.bind((...values: unknown[]) => heard.push(greet(app), ...values)),
      );
    });
    bob.run(() => emitter.emit('ping', 1, 2));
    expect(heard).toEqual(['Hello bob', 'Hello alice', 1, 2]);
    expect(() => greet(app)).toThrow(NotInSessionError);
  });

  it('and bind() keeps `this`, the result and errors of the function', async () => {
    const { alice } = await startWithTwo();
    const object = {
      factor: 2,
      times: alice.session.bind(function (this: { factor: number }, value: number) {
        if (value < 0) throw new RangeError('negative');
        return this.factor * value;
      }),
    };
    expect(object.times(4)).toBe(8);
    expect(() => object.times(-1)).toThrow(RangeError);
  });

  it('and so runs a generator that another session pulls, unless its steps are bound', async () => {
    const { app, alice, bob } = await startWithTwo();
    function* greetings(): Generator<string> {
      for (;;) yield greet(app);
    }
    const shared = alice.run(() => greetings());
    const next = (): unknown => shared.next().value;
    expect([alice.run(next), bob.run(next), bob.run(alice.session.bind(next))]).toEqual([
      'Hello alice',
      'Hello bob',
      'Hello alice',
    ]);
  });

  it('and a promise that is memoised for all holds what the session of its first caller gave', async () => {
    const { app, alice, bob } = await startWithTwo();
    let memoised: Promise<string> | undefined;
    const greeting = (): Promise<string> => (memoised ??= Promise.resolve().then(() => greet(app)));
    expect([await alice.run(greeting), await bob.run(greeting)]).toEqual(['Hello alice', 'Hello alice']);
    // One for each session: kept in what is session-scoped, such as its properties.
    const own = (user: User): Promise<string> =>
      user.run(async () =>
        String(await user.session.properties.getOrAdd('greeting', async () => Promise.resolve(greet(app)))),
      );
    expect([await own(alice), await own(bob)]).toEqual(['Hello alice', 'Hello bob']);
  });

  it('as a pool does that calls back whoever waits, and not where the callback is bound', async () => {
    const { app, alice, bob } = await startWithTwo();
    const waiting: (() => void)[] = [];
    const heard: string[] = [];
    alice.run(() => {
      waiting.push(() => heard.push(greet(app)));
      waiting.push(alice.session.bind(() => heard.push(greet(app))));
    });
    bob.run(() => {
      for (const callback of waiting) callback();
    });
    expect(heard).toEqual(['Hello bob', 'Hello alice']);
  });

  it('unless inSession() comes first in the pipe', async () => {
    const { app, alice, bob } = await startWithTwo();
    const bus = new Subject<string>();
    const seen: Record<string, string[]> = { without: [], with: [] };
    alice.run(() => {
      bus.pipe(map((value) => `${value} ${greet(app)}`)).subscribe((text) => seen.without!.push(text));
      bus
        .pipe(
          inSession(),
          map((value) => `${value} ${greet(app)}`),
        )
        .subscribe((text) => seen.with!.push(`${text}, ${greet(app)}`));
    });
    bob.run(() => bus.next('bob:'));
    alice.run(() => bus.next('alice:'));
    expect(seen.without).toEqual(['bob: Hello bob', 'alice: Hello alice']);
    expect(seen.with).toEqual(['bob: Hello alice, Hello alice', 'alice: Hello alice, Hello alice']);
  });

  it('which inSession() also does for errors, for the end, and for unsubscribing', async () => {
    const { app, alice, bob } = await startWithTwo();
    const seen: string[] = [];
    const observer = (label: string) => ({
      next: () => seen.push(`${label} next ${greet(app)}`),
      error: () => seen.push(`${label} error ${greet(app)}`),
      complete: () => seen.push(`${label} complete ${greet(app)}`),
    });
    const [ending, failing] = [new Subject<void>(), new Subject<void>()];
    let torndown = 0;
    const source = new Observable<void>((subscriber) => {
      const inner = ending.subscribe(subscriber);
      return () => {
        torndown++;
        inner.unsubscribe();
      };
    });
    alice.run(() => {
      source.pipe(inSession()).subscribe(observer('ending'));
      failing.pipe(inSession()).subscribe(observer('failing'));
      source.pipe(inSession()).subscribe().unsubscribe();
      source.pipe(inSession(), take(1)).subscribe();
    });
    expect(torndown).toBe(1);
    bob.run(() => {
      ending.next();
      failing.error(new Error('expected'));
      ending.complete();
    });
    expect(seen).toEqual(['ending next Hello alice', 'failing error Hello alice', 'ending complete Hello alice']);
    expect(torndown).toBe(3);
  });

  it('and inSession() changes nothing outside of a session', () => {
    const seen: unknown[] = [];
    of(1, 2)
      .pipe(inSession(), toArray())
      .subscribe((values) => seen.push(values));
    throwError(() => 'failed')
      .pipe(inSession())
      .subscribe({ error: (error) => seen.push(error) });
    expect(seen).toEqual([[1, 2], 'failed']);
  });

  it('so that server-sent events over a shared subject tell nobody of another user', async () => {
    const bus = new Subject<number>();
    let listeners = 0;
    @Controller()
    class BusController {
      constructor(private readonly greeter: Greeter) {}
      @Sse('events')
      events(): Observable<MessageEvent> {
        return defer(() => {
          listeners++;
          return bus.pipe(inSession());
        }).pipe(
          map((number) => ({ data: `${number} ${this.greeter.greet()}` })),
          take(2),
        );
      }
      @Post('emit/:number')
      emit(@Param('number') number: string): void {
        bus.next(Number(number));
      }
    }
    const { alice, bob } = await startWithTwo({ controllers: [BusController] });
    const streams = [alice, bob].map(({ browser }) => browser.get('/events'));
    while (listeners < 2) await nextTurn();
    await bob.browser.post('/emit/1');
    await alice.browser.post('/emit/2');

    const texts = (await Promise.all(streams)).map(({ text }) => text.match(/(?<=data: ).*/g));
    expect(texts).toEqual([
      ['1 Hello alice', '2 Hello alice'],
      ['1 Hello bob', '2 Hello bob'],
    ]);
  });
});

describe('One object each', () => {
  it('is made by parallel first requests of a session', async () => {
    let made = 0;
    @SessionScoped()
    class Once {
      readonly number = ++made;
    }
    @Controller('once')
    class OnceController {
      constructor(private readonly once: Once) {}
      @Get()
      async get(): Promise<number[]> {
        const first = this.once.number;
        await nextTurn();
        return [first, this.once.number];
      }
    }
    const app = await startScopedApp({ providers: [Once], controllers: [OnceController] });
    const { browser } = await app.user();
    const answers = await Promise.all(Array.from({ length: 10 }, () => browser.get('/once')));
    expect(answers.map(({ body }) => body)).toEqual(Array(10).fill([1, 1]));
    expect(made).toBe(1);
  });

  it('of a group-scoped class belongs to all sessions of a user, and of a session-scoped class to one', async () => {
    @GroupScoped()
    class Shared {
      readonly list: string[] = [];
    }
    @SessionScoped()
    class Own {
      readonly list: string[] = [];
      constructor(readonly shared: Shared) {}
    }
    const app = await startScopedApp({ providers: [Shared, Own] });
    const [alice, bob] = [await app.user(), await app.user()];
    const tab = await alice.tab('two');
    const add = (text: string) => () => [app.get(Shared).list.push(text), app.get(Own).list.push(text)];

    expect([alice.run(add('a')), tab.run(add('b')), bob.run(add('c'))]).toEqual([
      [1, 1],
      [2, 1],
      [1, 1],
    ]);
    expect(tab.session.services.get(Own).shared).toBe(alice.session.services.get(Own).shared);
    expect(tab.run(() => app.get(Own).shared.list)).toEqual(['a', 'b']);

    await alice.session.terminate();
    expect(tab.run(() => app.get(Shared).list)).toEqual(['a', 'b']);
  });

  it('of each application is its own, where two of them have the same classes in one process', async () => {
    const first = await startWithTwo();
    const second = await startWithTwo();
    second.alice.session.services.get(Profile).name = 'second alice';

    first.alice.run(() => {
      expect(greet(first.app)).toBe('Hello alice');
      expect(() => greet(second.app)).toThrow(NotInSessionError);
      second.alice.run(() => {
        expect([greet(first.app), greet(second.app)]).toEqual(['Hello alice', 'Hello second alice']);
      });
    });
    expect(first.alice.session.services.get(Letter).text()).toBe('Dear alice');
    expect(second.alice.session.services.get(Letter).text()).toBe('Dear second alice');
    await second.app.app.close();
    expect(first.alice.run(() => greet(first.app))).toBe('Hello alice');
  });

  it('of one application is a value like any other in another one, with the sessions that it has there', async () => {
    const first = await startWithTwo();
    @SessionScoped()
    class Card {
      constructor(@Inject('FIRST') readonly profile: Profile) {}
    }
    const second = await startScopedApp({
      providers: [Card, { provide: 'FIRST', useValue: first.app.get(Profile) }],
    });
    const { session } = await second.user();
    const { profile } = session.services.get(Card);
    expect(session.services.get('FIRST')).toBe(profile);
    expect(await session.services.resolve('FIRST')).toBe(profile);
    expect(first.alice.run(() => profile.name)).toBe('alice');
    expect(first.bob.run(() => profile.name)).toBe('bob');
    expect(() => profile.name).toThrow(NotInSessionError);
  });
});

describe('ActiveSessionRegistry.run()', () => {
  it('takes the session object that a constructor was given, inside of a session', async () => {
    @Injectable()
    class Worker {
      constructor(
        private readonly session: ActiveSession,
        private readonly registry: ActiveSessionRegistry,
        private readonly greeter: Greeter,
      ) {}
      work(): string {
        return this.registry.run(this.session, () => this.greeter.greet());
      }
    }
    const { app, alice } = await startWithTwo({ providers: [Worker] });
    expect(alice.run(() => app.get(Worker).work())).toBe('Hello alice');
    expect(() => app.get(Worker).work()).toThrow(NotInSessionError);
  });

  it('takes nothing else', async () => {
    const { app } = await startWithTwo();
    for (const wrong of [undefined, null, {}, 'id'])
      expect(() => app.registry.run(wrong as ActiveSession, () => 1)).toThrow(BadArgumentError);
  });
});
