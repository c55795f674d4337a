import { randomBytes } from 'node:crypto';
import { IncomingMessage, ServerResponse, type RequestListener } from 'node:http';
import { Socket } from 'node:net';
import { Controller, Get, Req, Res, type INestApplication, type ModuleMetadata } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { ActiveSessionModule, type ActiveSessionModuleOptions } from 'nestjs-active-session';

const USER = 'x-user';
const TAB = 'x-tab';

/** A request that brings what its handler does. */
interface ActingRequest extends IncomingMessage {
  act(): Promise<void>;
}

@Controller('act')
class ActController {
  @Get()
  async act(@Req() req: ActingRequest, @Res() res: ServerResponse): Promise<void> {
    await req.act();
    res.end();
  }
}

/**
 * An application that is asked without sockets, for tests that make very many: the whole of Express, Nest and the library
 * takes part.
 */
export class InProcessApp {
  static async start(metadata: ModuleMetadata, options: ActiveSessionModuleOptions = {}): Promise<InProcessApp> {
    const imports = [
      ActiveSessionModule.forRoot({
        identify: ({ headers }) => headers[USER] as string,
        sessions: { suffix: ({ headers }) => headers[TAB] as string },
        ...options,
      }),
    ];
    const module = await Test.createTestingModule({
      ...metadata,
      imports: [...imports, ...(metadata.imports ?? [])],
      controllers: [ActController, ...(metadata.controllers ?? [])],
    }).compile();
    const app = module.createNestApplication({ logger: false, bodyParser: false });
    await app.init();
    return new InProcessApp(app, app.getHttpAdapter().getInstance() as RequestListener);
  }

  private readonly socket = new Socket();

  private constructor(
    readonly app: INestApplication,
    private readonly handle: RequestListener,
  ) {}

  /** Somebody who has not been here before. */
  static newUser(): string {
    return randomBytes(24).toString('base64url');
  }

  /** A request of a user, from one of their tabs, that does this. @returns the status of its answer */
  request(user: string, tab: string, act: () => Promise<void>): Promise<number> {
    const req = new IncomingMessage(this.socket) as ActingRequest;
    req.method = 'GET';
    req.url = '/act';
    req.headers = { [USER]: user, [TAB]: tab };
    req.act = act;
    const res = new ServerResponse(req);
    return new Promise((resolve) => {
      res.end = () => {
        res.emit('close');
        resolve(res.statusCode);
        return res;
      };
      this.handle(req, res);
    });
  }
}
