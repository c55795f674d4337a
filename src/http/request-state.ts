import type { Socket } from 'node:net';
import type { ActiveSession } from '../session/active-session.js';
import type { ActiveSessionGroup } from '../session/active-session-group.js';
import { unavailableError, unavailableGroup, unavailableSession } from '../session/unavailable.js';
import type { SessionRequest } from '../options.js';
import type { RequestCell, SessionResponse } from './request-cell.js';

/** What this library puts on requests and sockets. */
const CELL = Symbol('nestjs-active-session.cell');
const OPEN_CELLS = Symbol('nestjs-active-session.open-cells');

/** Any request object; what is not one of Express has no session. */
interface Marked {
  [CELL]?: RequestCell;
}

export function cellOf(req: object): RequestCell | undefined {
  return (req as Marked)[CELL];
}

/** Gives a request its cell, which is released when the response, or its connection, closes. */
export function bindCell(
  req: SessionRequest,
  res: SessionResponse,
  cell: RequestCell,
  inFlight: Set<RequestCell>,
): void {
  (req as Marked)[CELL] = cell;
  if (!cell.pins) return;
  inFlight.add(cell);
  cell.onReleased = () => inFlight.delete(cell);
  const open = openCellsOf(req.socket);
  open?.add(cell);
  res.once('close', () => {
    open?.delete(cell);
    cell.release();
  });
}

/** A response that waits behind another on its connection may never close: so the connection is watched, too, once. */
function openCellsOf(socket: (Socket & { [OPEN_CELLS]?: Set<RequestCell> }) | undefined): Set<RequestCell> | undefined {
  if (typeof socket?.once !== 'function') return undefined;
  const known = socket[OPEN_CELLS];
  if (known !== undefined) return known;
  const open = new Set<RequestCell>();
  socket[OPEN_CELLS] = open;
  socket.once('close', () => {
    for (const cell of open) cell.release();
    open.clear();
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
