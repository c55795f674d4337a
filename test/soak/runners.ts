import { Injectable } from '@nestjs/common';
import {
  SequenceRunnerBase,
  type ActiveSession,
  type Runner,
  type RunnerContext,
  type SequenceRunnerOptions,
} from 'nestjs-active-session';
import { Readable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { concatMap, map, range, timer } from 'rxjs';
import { Desk, Opened } from './desk.js';
import { rowOf, type Kind, type Order } from './protocol.js';

const INTERVAL_MS = 5;

type Options = Pick<SequenceRunnerOptions, 'replay'>;
type Maker = (session: ActiveSession, order: Order, options: Options) => Runner | Promise<Runner>;

class CustomRows extends SequenceRunnerBase<string> {
  constructor(
    context: RunnerContext,
    private readonly rows: (signal: AbortSignal) => AsyncIterable<string>,
    options: Options,
  ) {
    super(context, options);
  }

  protected override open(signal: AbortSignal): AsyncIterable<string> {
    return this.rows(signal);
  }
}

/** Makes runners of all kinds. It is a singleton: what it is injected stands for the desk of the session that it runs in. */
@Injectable()
export class RowRunners {
  private readonly makers: Record<Kind, Maker> = {
    generator: (session, order, options) => session.createSequenceRunner((signal) => this.rows(order, signal), options),
    endless: (session, order, options) =>
      session.createSequenceRunner((signal) => this.rows({ ...order, count: Infinity }, signal), {
        ...options,
        queueLimit: 30,
      }),
    failing: (session, order, options) =>
      session.createSequenceRunner((signal) => this.failingRows(order, signal), options),
    array: (session, order, options) =>
      session.createSequenceRunner(
        Array.from({ length: order.count }, (_, index) => this.row(order, index)),
        options,
      ),
    observable: (session, order, options) =>
      session.createSequenceRunner(
        range(0, order.count).pipe(concatMap((index) => timer(index % 4).pipe(map(() => this.row(order, index))))),
        options,
      ),
    readable: (session, order, options) =>
      session.createSequenceRunner((signal) => Readable.from(this.rows(order, signal)), options),
    custom: (session, order, options) =>
      session.createRunner((given: Order, context) => {
        return new CustomRows(context, (signal) => this.rows(given, signal), options);
      }, order),
    series: (session, order, options) => {
      let index = 0;
      const gauge = (): string => this.row(order, index++);
      return session.createTimeSeriesRunner(gauge, { ...options, intervalMs: INTERVAL_MS, count: order.count });
    },
    process: (session, order) =>
      session.createProcessRunner(async (report, signal) => {
        for await (const row of this.rows(order, signal)) report(row, order.count);
      }),
  };

  constructor(
    private readonly desk: Desk,
    private readonly opened: Opened,
  ) {}

  make(session: ActiveSession, order: Order): Runner | Promise<Runner> {
    return this.makers[order.kind](session, order, { replay: order.replay });
  }

  private row({ tag }: Order, index: number): string {
    return rowOf(this.desk.owner ?? 'nobody', tag, index);
  }

  private async *rows(order: Order, signal: AbortSignal): AsyncGenerator<string> {
    const close = this.opened.open('sources');
    try {
      for (let index = 0; index < order.count; index++) {
        if (index % 5 === 0) await setTimeout(index % 4, undefined, { signal });
        yield this.row(order, index);
      }
    } finally {
      close();
    }
  }

  private async *failingRows(order: Order, signal: AbortSignal): AsyncGenerator<string> {
    yield* this.rows(order, signal);
    throw new Error('As ordered');
  }
}
