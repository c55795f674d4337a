/**
 * One application in several variants: greeters injected into a controller, which are singletons, or belong to a user
 * in one of several ways. Nothing else differs.
 */
import 'reflect-metadata';
import { Controller, Get, Injectable, Module, Scope, type DynamicModule, type Type } from '@nestjs/common';
import { ContextIdFactory, NestFactory, type ContextId } from '@nestjs/core';
import { ActiveSessionModule, SessionScoped, type SessionRule } from 'nestjs-active-session';
// Version 6: with 7 a request took ten times as long here, at work in the hooks that compile these files. That says nothing of it.
import { ClsModule, InjectableProxy } from 'nestjs-cls';
import { AsyncLocalStorage } from 'node:async_hooks';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { serve, workerArguments } from '../harness/worker.js';
import { FakeHttp, USER_HEADER } from './fake-http.js';

export interface RequestArguments {
  readonly variant: 'singleton' | 'session-scoped' | 'durable' | 'request-scoped' | 'cls-proxy' | 'context-only';
  /** How many greeters there are, each of which takes part in each request. */
  readonly providers?: number;
  /** How many users come in turn: each has its session. */
  readonly users?: number;
  /** How many rules are tried until one matches. */
  readonly rules?: number;
}

const { variant, providers = 1, users = 1_000, rules = 1 } = workerArguments<RequestArguments>();

const DECORATORS: Record<RequestArguments['variant'], ClassDecorator> = {
  singleton: Injectable(),
  'session-scoped': SessionScoped(),
  durable: Injectable({ scope: Scope.REQUEST, durable: true }),
  'request-scoped': Injectable({ scope: Scope.REQUEST }),
  'cls-proxy': InjectableProxy(),
  'context-only': Injectable(),
};

interface Greeter {
  greet(): number;
}

function greeterClass(): Type<Greeter> {
  class Greeter {
    private readonly greeting = 'Hello';

    greet(): number {
      return this.greeting.length;
    }
  }
  DECORATORS[variant](Greeter);
  return Greeter;
}

function controllerClass(greeterClasses: Type<Greeter>[]): Type {
  class GreetingController {
    private readonly greeters: Greeter[];

    constructor(...greeters: Greeter[]) {
      this.greeters = greeters;
    }

    greet(): { greeting: number } {
      let greeting = 0;
      for (const greeter of this.greeters) greeting += greeter.greet();
      return { greeting };
    }
  }
  Controller('greet')(GreetingController);
  const handler = Object.getOwnPropertyDescriptor(GreetingController.prototype, 'greet') as PropertyDescriptor;
  Get()(GreetingController.prototype, 'greet', handler);
  Reflect.defineMetadata('design:paramtypes', greeterClasses, GreetingController);
  return GreetingController;
}

const userOf = ({ headers }: IncomingMessage): string => headers[USER_HEADER] as string;

/** As Nest's documentation has it: one sub-tree of providers for each user. */
function useDurableContexts(): void {
  const contexts = new Map<string, ContextId>();
  ContextIdFactory.apply({
    attach(contextId, request: IncomingMessage) {
      const user = userOf(request);
      let own = contexts.get(user);
      if (own === undefined) contexts.set(user, (own = ContextIdFactory.create()));
      return { resolve: (info) => (info.isTreeDurable ? (own as ContextId) : contextId), payload: { user } };
    },
  });
}

/** Those before the last one match no request. */
function sessionRules(): SessionRule[] {
  return Array.from({ length: rules }, (_, index) => ({ path: index === rules - 1 ? '/greet' : `/other/${index}` }));
}

function imports(greeterClasses: Type<Greeter>[]): DynamicModule[] {
  if (variant === 'session-scoped') {
    const limits = { sessions: Infinity };
    const sessions = rules > 1 ? sessionRules() : undefined;
    return [ActiveSessionModule.forRoot({ identify: userOf, limits, sessions })];
  }
  if (variant === 'cls-proxy')
    return [
      ClsModule.forRoot({ middleware: { mount: true } }),
      ...greeterClasses.map((useClass) => ClsModule.forFeature(useClass)),
    ];
  return [];
}

if (variant === 'durable') useDurableContexts();
const greeters = Array.from({ length: providers }, greeterClass);
@Module({
  imports: imports(greeters),
  controllers: [controllerClass(greeters)],
  providers: variant === 'cls-proxy' ? [] : greeters,
})
class RequestModule {}

const app = await NestFactory.create(RequestModule, { logger: ['error'], bodyParser: false });
if (variant === 'context-only') {
  const storage = new AsyncLocalStorage<object>();
  app.use((_req: unknown, res: ServerResponse, next: () => void) => {
    const state = { isOver: false };
    res.on('close', () => (state.isOver = true));
    storage.run(state, next);
  });
}
await app.init();
const http = FakeHttp.of(app);
const names = Array.from({ length: users }, (_, index) => `user-${index}`);
for (const name of names) await http.get('/greet', name);
let next = 0;

serve({
  async request(count) {
    let body = '';
    for (let i = 0; i < count; i++) {
      body = await http.get('/greet', names[next] as string);
      next = next + 1 === users ? 0 : next + 1;
    }
    return body;
  },
});
