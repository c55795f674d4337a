import type { Socket } from 'node:net';
import type { ActiveSession } from '../session/active-session.js';
import type { ActiveSessionGroup } from '../session/active-session-group.js';
import { unavailableError, unavailableGroup, unavailableSession } from '../session/unavailable.js';
import type { SessionRequest } from '../options.js';
import type { RequestCell, SessionResponse } from './request-cell.js';

/**
 * The cells of requests. Express changes the prototype of each request: a property that comes after that costs more on
 * Node 20 than all else that is done for the request here.
 */
const CELLS = new WeakMap<object, RequestCell>();
/** What this library puts on sockets. */
const OPEN_CELLS = Symbol('nestjs-active-session.open-cells');

export function cellOf(req: object): RequestCell | undefined {
  return CELLS.get(req) ?? CELLS.get(originalOf(req));
}

/** What applications make of a request (`Object.create(req)`, a proxy, a copy) still leads to its response. */
function originalOf(req: { res?: { req?: object } } | null | undefined): object {
  return req?.res?.req ?? req ?? {};
}

/** Gives a request its cell, which is released when the response, or its connection, closes. */
export function bindCell(req: SessionRequest, res: SessionResponse, cell: RequestCell): void {
  CELLS.set(req, cell);
  if (!cell.pins) return;
  const open = openCellsOf(req.socket);
  open?.push(cell);
  res.on('close', () => {
    const place = open?.lastIndexOf(cell) ?? -1;
    if (place >= 0) open?.splice(place, 1);
    cell.release();
  });
}

/** A response that waits behind another on its connection may never close: so the connection is watched, too, once. */
function openCellsOf(socket: (Socket & { [OPEN_CELLS]?: RequestCell[] }) | undefined): RequestCell[] | undefined {
  if (typeof socket?.once !== 'function') return undefined;
  const known = socket[OPEN_CELLS];
  if (known !== undefined) return known;
  const open: RequestCell[] = [];
  socket[OPEN_CELLS] = open;
  socket.once('close', () => {
    for (const cell of open.splice(0)) cell.release();
  });
  return open;
}

/**
 * The active session of a request; it is made at first use. Where there can be none, the answer's `isAvailable` is
 * false, and its other members throw SessionUnavailableError.
 * @throws LimitReachedError
 */
export function getActiveSession(req: object): ActiveSession {
  const cell = cellOf(req);
  const reason = cell === undefined ? 'not-mounted' : cell.whyUnavailable();
  return cell === undefined || reason !== undefined ? unavailableSession(reason ?? 'not-mounted') : cell.use();
}

/** The group of the active session of a request: see {@link getActiveSession}. */
export function getActiveSessionGroup(req: object): ActiveSessionGroup {
  const cell = cellOf(req);
  const reason = cell === undefined ? 'not-mounted' : cell.whyUnavailable();
  return cell === undefined || reason !== undefined ? unavailableGroup(reason ?? 'not-mounted') : cell.use().group;
}

/**
 * After the end of its session, gives the request the next generation; scoped services are then of that one. It
 * changes nothing while the session is available.
 * @throws SessionUnavailableError where there can be no session; LimitReachedError
 */
export function refreshActiveSession(req: object): ActiveSession {
  const cell = cellOf(req);
  if (cell === undefined) throw unavailableError('not-mounted');
  return cell.refresh();
}

/** The session of a request if it is there already, and available. */
export function peekActiveSession(req: object): ActiveSession | undefined {
  const session = cellOf(req)?.peek();
  return session?.isAvailable === true ? session : undefined;
}
