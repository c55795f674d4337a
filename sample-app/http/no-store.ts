import type { NextFunction, Request, Response } from 'express';

/** What the API answers belongs to one user and one moment: no cache may keep it. */
export function noStore(_req: Request, res: Response, next: NextFunction): void {
  res.setHeader('Cache-Control', 'no-store');
  next();
}
