import { expect, it } from '@jest/globals';
import { forwardRef, Inject, Injectable, Scope, type Provider } from '@nestjs/common';
import fc from 'fast-check';
import {
  ActiveSessionGroupRegistry,
  ActiveSessionRegistry,
  GroupScoped,
  SessionEndedError,
  SessionScoped,
  type ActiveSession,
  type ActiveSessionGroup,
} from 'nestjs-active-session';
import { InProcessApp } from '../support/in-process.js';

/** How many applications, each with its own classes and history, are tried; RUNS and SEED set others. */
const RUNS = Number(process.env.RUNS ?? 1_000);
const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 31);

type Level = 'session' | 'group' | 'transient';

interface ClassPlan {
  level: Level;
  /** What it depends on, by number, and how. */
  dependencies: { on: number; by: 'parameter' | 'property' }[];
  /** A later class that closes a circle with it. */
  back: number | undefined;
  isAsync: boolean;
}

interface RequestPlan {
  user: number;
  tab: number;
  /** Classes that its handler uses, a turn of the event loop between each; -1 ends the session, -2 the user's all. */
  uses: number[];
}

interface Plan {
  classes: ClassPlan[];
  /** Requests that run at the same time. */
  batches: RequestPlan[][];
}

/** An object that the classes of a plan make, and what became of it. */
interface Made {
  number: number;
  owner: ActiveSession | ActiveSessionGroup | undefined;
  dependencies(): Made[];
  self(): Made;
  endedAt: number[];
}

/** Depends only on earlier ones, so that there are no circles but those that `back` makes. */
const classPlans = fc
  .array(
    fc.record({
      level: fc.oneof(
        { weight: 5, arbitrary: fc.constant<Level>('session') },
        { weight: 2, arbitrary: fc.constant<Level>('group') },
        { weight: 2, arbitrary: fc.constant<Level>('transient') },
      ),
      wishes: fc.uniqueArray(
        fc.record({ on: fc.nat(9), by: fc.constantFrom('parameter' as const, 'property' as const) }),
        {
          maxLength: 4,
          selector: ({ on }) => on,
        },
      ),
      back: fc.option(fc.nat(9), { nil: undefined, freq: 3 }),
      isAsync: fc.boolean(),
    }),
    { minLength: 3, maxLength: 10 },
  )
  .map((raw) => {
    const classes: ClassPlan[] = [];
    raw.forEach(({ level, wishes, back, isAsync }, number) => {
      const dependencies = wishes.filter(({ on }) => on < number && mayDependOn(level, classes, on));
      const closes = level === 'session' && back !== undefined && back < number && classes[back]?.level === 'session';
      classes.push({ level, dependencies, back: undefined, isAsync });
      if (!closes || dependencies.some(({ on }) => on === back) || classes[back]?.back !== undefined) return;
      dependencies.push({ on: back, by: 'parameter' });
      classes[back]!.back = number;
    });
    // What waits for each other can never be made, and is refused: circles are synchronous.
    if (classes.some(({ back }) => back !== undefined)) for (const each of classes) each.isAsync = false;
    return classes;
  });

function mayDependOn(level: Level, classes: ClassPlan[], on: number): boolean {
  return level !== 'group' || !leadsToSession(classes, on);
}

function leadsToSession(classes: ClassPlan[], number: number): boolean {
  const { level, dependencies } = classes[number]!;
  return level === 'session' || (level === 'transient' && dependencies.some(({ on }) => leadsToSession(classes, on)));
}

const requestPlan = fc.record({
  user: fc.nat(2),
  tab: fc.nat(1),
  uses: fc.array(fc.oneof({ weight: 12, arbitrary: fc.nat(9) }, { weight: 1, arbitrary: fc.constantFrom(-1, -2) }), {
    minLength: 1,
    maxLength: 6,
  }),
});

const plans: fc.Arbitrary<Plan> = fc.record({
  classes: classPlans,
  batches: fc.array(fc.array(requestPlan, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 5 }),
});

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Runs one plan, and tells all objects that were made. */
class History {
  readonly made: Made[] = [];
  readonly dependencies = new Map<Made, Made[]>();
  readonly seenBy = new Map<Made, Set<unknown>>();
  private endings = 0;
  private app!: InProcessApp;
  private registry!: ActiveSessionRegistry;
  private groupRegistry!: ActiveSessionGroupRegistry;

  constructor(private readonly plan: Plan) {}

  async run(): Promise<void> {
    const users = [0, 1, 2].map(() => InProcessApp.newUser());
    this.app = await InProcessApp.start({ providers: this.providers() });
    this.registry = this.app.app.get(ActiveSessionRegistry);
    this.groupRegistry = this.app.app.get(ActiveSessionGroupRegistry);
    // What Nest made for itself at the start is no session's.
    this.made.length = 0;
    for (const batch of this.plan.batches)
      await Promise.all(
        batch.map(({ user, tab, uses }) => this.app.request(users[user]!, `tab-${tab}`, () => this.handle(uses))),
      );
    await this.app.app.close();
  }

  private async handle(uses: number[]): Promise<void> {
    for (const use of uses) {
      await turn();
      try {
        if (use === -1) void this.registry.current()?.terminate();
        else if (use === -2) void this.registry.current()?.group.terminate();
        else this.use(use % this.plan.classes.length);
      } catch (error) {
        if (!(error instanceof SessionEndedError)) throw error;
      }
    }
  }

  /** As a singleton does it, through what Nest injects. */
  private use(number: number): void {
    if (this.plan.classes[number]!.level === 'transient') return;
    const client = this.app.app.get<Made>(`class ${number}`, { strict: false });
    const made = client.self();
    const session = this.registry.current();
    // While it ends, what it has can still be used.
    if (session !== undefined) this.see(made, session, new Set());
  }

  /** The session can reach it, and all that it depends on. */
  private see(made: Made, session: ActiveSession, seen: Set<Made>): void {
    if (seen.has(made)) return;
    seen.add(made);
    const owner = this.plan.classes[made.number]!.level === 'group' ? session.group : session;
    const { level } = this.plan.classes[made.number]!;
    if (level !== 'transient') this.seenBy.set(made, (this.seenBy.get(made) ?? new Set()).add(owner));
    for (const dependency of made.dependencies()) this.see(dependency, session, seen);
  }

  private providers(): Provider[] {
    return this.plan.classes.map((plan, number) => ({
      provide: `class ${number}`,
      useClass: this.classFor(plan, number),
    }));
  }

  private classFor({ level, dependencies, back, isAsync }: ClassPlan, number: number): new () => object {
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- the classes tell the history
    const history = this;
    const properties = dependencies.filter(({ by }) => by === 'property').map(({ on }) => `property${on}`);
    class Node implements Made {
      readonly number = number;
      readonly owner: ActiveSession | ActiveSessionGroup | undefined;
      readonly endedAt: number[] = [];
      private readonly parameters: Made[];
      constructor(...parameters: Made[]) {
        this.parameters = parameters;
        this.owner = history.registry?.current() ?? history.groupRegistry?.current();
        history.made.push(this);
      }
      self(): Made {
        return this;
      }
      dependencies(): Made[] {
        const injected = properties.map((key) => (this as unknown as Record<string, Made>)[key]);
        return [...this.parameters, ...injected].map((each) => each!.self());
      }
      onModuleDestroy(): Promise<void> | void {
        // What Nest made for itself at the start it also ends, when there is no session.
        if (!history.made.includes(this)) return;
        // Afterwards what stands for the others in a circle leads nowhere.
        history.dependencies.set(this, this.dependencies());
        this.endedAt.push(history.endings++);
        return isAsync ? turn() : undefined;
      }
    }
    if (isAsync) Object.defineProperty(Node.prototype, 'onModuleInit', { value: async () => turn() });
    const parameters: unknown[] = dependencies.filter(({ by }) => by === 'parameter').map(({ on }) => `class ${on}`);
    // Both sides of a circle say so.
    const isCircle = (token: unknown): boolean =>
      this.plan.classes.some((each, on) => `class ${on}` === token && each.back === number);
    if (back !== undefined) parameters.push(forwardRef(() => `class ${back}`));
    parameters.forEach((token, i) =>
      Inject((isCircle(token) ? forwardRef(() => token) : token) as string)(Node, undefined, i),
    );
    for (const { on, by } of dependencies)
      if (by === 'property') Inject(`class ${on}`)(Node.prototype, `property${on}`);
    if (level === 'transient') {
      Injectable({ scope: Scope.TRANSIENT })(Node);
      return Node;
    }
    const decorate = level === 'session' ? SessionScoped() : GroupScoped();
    return decorate(Node) as never;
  }
}

/** Whether they depend on each other, so that none can end after the other. */
function isInCircle(made: Made, dependency: Made, dependencies: ReadonlyMap<Made, Made[]>): boolean {
  const seen = new Set<Made>();
  const reach = (from: Made): boolean => {
    if (from === made) return true;
    if (seen.has(from)) return false;
    seen.add(from);
    return dependencies.get(from)!.some(reach);
  };
  return reach(dependency);
}

it(`no object is seen by two sessions, each is made once and ended once, after what depends on it (seed ${SEED}, ${RUNS} runs)`, async () => {
  let objects = 0;
  await fc.assert(
    fc.asyncProperty(plans, async (plan) => {
      const history = new History(plan);
      await history.run();
      objects += history.made.length;
      for (const [made, owners] of history.seenBy) {
        expect(owners.size).toBe(1);
        if (plan.classes[made.number]!.level === 'session') expect(owners.has(made.owner)).toBe(true);
      }
      const once = new Set<string>();
      const names = new Map<unknown, number>();
      for (const made of history.made.filter(({ number }) => plan.classes[number]!.level === 'session')) {
        if (!names.has(made.owner)) names.set(made.owner, names.size);
        const key = `${names.get(made.owner)} ${made.number}`;
        expect(once.has(key)).toBe(false);
        once.add(key);
      }
      for (const made of history.made) {
        expect(made.endedAt).toHaveLength(1);
        for (const dependency of history.dependencies.get(made)!)
          if (!isInCircle(made, dependency, history.dependencies))
            expect(made.endedAt[0]).toBeLessThan(dependency.endedAt[0]!);
      }
    }),
    { numRuns: RUNS, seed: SEED, endOnFailure: true },
  );
  // The plans do make something.
  expect(objects).toBeGreaterThan(RUNS);
}, 300_000);
