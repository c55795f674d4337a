import { All, Controller, NotFoundException, Req, Res, type Type } from '@nestjs/common';
import type { Request, Response } from 'express';

export type Handler = (req: Request, res: Response) => unknown;
export type Handlers = Record<string, Handler>;

/** A controller that leaves `/name` to the handler of this name, and answers with the JSON of what it returns. */
export function controllerOf(handlers: Handlers): Type<unknown> {
  @Controller()
  class HandlersController {
    @All(['/', '*path'])
    async handle(@Req() req: Request, @Res() res: Response): Promise<void> {
      const [, name = ''] = req.path.split('/');
      const handler = handlers[name];
      if (handler === undefined) throw new NotFoundException();
      const body = await handler(req, res);
      if (!res.headersSent) res.json(body ?? null);
    }
  }
  return HandlersController;
}
