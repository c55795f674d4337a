import { Controller, Get, Module, Res } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ActiveSession,
  ActiveSessionModule,
  ActiveSessionRegistry,
  GroupScoped,
  InjectActiveSession,
  SessionScoped,
} from 'nestjs-active-session';
import { randomBytes } from 'node:crypto';
import { IncomingMessage, ServerResponse, type RequestListener } from 'node:http';
import { Socket } from 'node:net';

const VISITOR_HEADER = 'x-visitor';

/** How many end hooks have been called, and are over. */
export let hooksDone = 0;

@GroupScoped()
class Preferences {
  readonly currency = 'EUR';

  async onModuleDestroy(): Promise<void> {
    await Promise.resolve();
    hooksDone++;
  }
}

@SessionScoped()
class Cart {
  private items = 0;

  constructor(private readonly preferences: Preferences) {}

  add(): string {
    return `${++this.items} ${this.preferences.currency}`;
  }

  async onModuleDestroy(): Promise<void> {
    await Promise.resolve();
    hooksDone++;
  }
}

@SessionScoped()
class Counter {
  private count = 0;

  increment(): number {
    return ++this.count;
  }
}

@Controller()
class BenchController {
  constructor(
    private readonly cart: Cart,
    private readonly counter: Counter,
  ) {}

  @Get('session')
  useSession(@InjectActiveSession() session: ActiveSession, @Res() res: ServerResponse): void {
    res.end(String(session.generation));
  }

  @Get('service')
  useService(@Res() res: ServerResponse): void {
    res.end(String(this.counter.increment()));
  }

  @Get('services')
  useServices(@InjectActiveSession() session: ActiveSession, @Res() res: ServerResponse): void {
    res.end(`${session.id} ${this.cart.add()}`);
  }
}

@Module({
  imports: [
    ActiveSessionModule.forRoot({
      identify: ({ headers }) => headers[VISITOR_HEADER] as string,
      limits: { sessions: Infinity },
    }),
  ],
  controllers: [BenchController],
  providers: [Preferences, Cart, Counter],
})
class BenchModule {}

/**
 * An application whose visitors come in without sockets: it handles requests and responses of Node that are made here.
 * The whole middleware of Express, Nest and the library takes part.
 */
export class SessionApplication {
  static async start(): Promise<SessionApplication> {
    const app = await NestFactory.create(BenchModule, { logger: ['error'], bodyParser: false });
    await app.init();
    return new SessionApplication(
      app.get(ActiveSessionRegistry),
      app.getHttpAdapter().getInstance() as RequestListener,
    );
  }

  private readonly socket = new Socket();

  private constructor(
    readonly registry: ActiveSessionRegistry,
    private readonly handle: RequestListener,
  ) {}

  /** New visitors ask for this path, all at once. Resolves when they have their answers. */
  async visit(path: string, visitorCount: number): Promise<void> {
    await Promise.all(Array.from({ length: visitorCount }, () => this.visitOnce(path)));
  }

  private visitOnce(path: string): Promise<void> {
    const req = new IncomingMessage(this.socket);
    req.method = 'GET';
    req.url = path;
    // As long as an id of express-session.
    req.headers = { [VISITOR_HEADER]: randomBytes(24).toString('base64url') };
    const res = new ServerResponse(req);
    return new Promise((resolve, reject) => {
      res.end = () => {
        res.emit('close');
        if (res.statusCode === 200) resolve();
        else reject(new Error(`A visitor got the status ${res.statusCode}`));
        return res;
      };
      this.handle(req, res);
    });
  }
}

/** Ends sessions and their groups. Resolves when all clean-ups are over. */
export async function endSessions(sessions: readonly ActiveSession[]): Promise<void> {
  await Promise.all(
    sessions.map(async (session) => {
      const { group } = session;
      await session.terminate();
      await group.cleanupCompletion;
    }),
  );
}
