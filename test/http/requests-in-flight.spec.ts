import { afterEach, describe, expect, it, jest } from '@jest/globals';
import type { RequestCell } from '../../src/http/request-cell.js';
import { RequestsInFlight } from '../../src/http/requests-in-flight.js';

describe('Waiting for requests in flight', () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  it('is over when the last one of them has gone', async () => {
    const inFlight = new RequestsInFlight();
    const [one, other] = [{} as RequestCell, {} as RequestCell];
    inFlight.add(one);
    inFlight.add(other);
    const none = inFlight.none((cell) => cell === one, 60_000);
    inFlight.remove(one);
    await none;
    expect(inFlight.some((cell) => cell === other)).toBe(true);
  });

  it('is over when its time is up, also where an application has stopped the time for a test', async () => {
    jest.useFakeTimers();
    const inFlight = new RequestsInFlight();
    inFlight.add({} as RequestCell);
    await inFlight.none(() => true, 1);
    expect(inFlight.some(() => true)).toBe(true);
  });
});
