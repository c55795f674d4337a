import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { jobSource, type JobLine } from '../../sample-app/workspace/job-source.js';
import { Workspace } from '../../sample-app/workspace/workspace.js';

const never = new AbortController().signal;

describe('A workspace', () => {
  let workspace: Workspace;

  beforeEach(() => {
    workspace = new Workspace();
  });

  afterEach(() => workspace.onModuleDestroy());

  const job = (steps: number, signal = never) => jobSource(workspace, { steps, delayMs: 0 })(signal);
  const stepsOf = async (lines: AsyncIterable<JobLine>) => {
    const steps: number[] = [];
    for await (const { step } of lines) steps.push(step);
    return steps;
  };

  it('serves one job after the other', async () => {
    expect(await stepsOf(job(3))).toEqual([1, 2, 3]);
    expect(await stepsOf(job(2))).toEqual([1, 2]);
  });

  it('notices that two jobs use it at once: it is not made for that', async () => {
    const first = job(3);
    const second = job(3);
    expect((await first.next()).value).toMatchObject({ step: 1 });
    await expect(second.next()).rejects.toThrow('mixed');
  });

  it('is cleared for the next job when one stops, in its wait or between its lines', async () => {
    const stop = new AbortController();
    const waits = job(3, stop.signal);
    await waits.next();
    const next = waits.next();
    stop.abort(new Error('stopped'));
    await expect(next).rejects.toThrow();

    const left = job(3);
    await left.next();
    await left.return();
    expect(await stepsOf(job(2))).toEqual([1, 2]);
  });

  it('leaves nothing on the disk when its session ends', async () => {
    await job(1).next();
    const folder = dirname(await workspace.sheet());
    expect(existsSync(folder)).toBe(true);
    await workspace.onModuleDestroy();
    expect(existsSync(folder)).toBe(false);
  });
});
