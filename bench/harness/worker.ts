/** The side of a worker process: it runs what it is asked to, and tells how long that took. */

/** Does something so often as it is told. What it returns is compared with what the other variants return. */
export type Task = (count: number) => unknown;

export interface Order {
  readonly task: string;
  readonly count: number;
}

/** What a worker tells of one run of a task. */
export interface Sample {
  readonly count: number;
  readonly wallNs: number;
  /** User and system time of the whole process, as the operating system counts it: helper threads of V8 included. */
  readonly cpuNs: number;
  readonly result: unknown;
}

/** Answers the process that has started this one, until that goes away. */
export function serve(tasks: Record<string, Task>): void {
  process.on('message', ({ task, count }: Order) => {
    void run(tasks, task, count).then(
      (sample) => process.send?.(sample),
      (error: unknown) => process.send?.({ error: error instanceof Error ? error.stack : String(error) }),
    );
  });
  process.once('disconnect', () => process.exit());
  process.send?.({});
}

async function run(tasks: Record<string, Task>, name: string, count: number): Promise<Sample> {
  const task = tasks[name];
  if (task === undefined) throw new Error(`This worker has no task "${name}", only: ${Object.keys(tasks).join(', ')}`);
  const cpuBefore = process.cpuUsage();
  const startedNs = process.hrtime.bigint();
  const result = await task(count);
  const wallNs = Number(process.hrtime.bigint() - startedNs);
  const { user, system } = process.cpuUsage(cpuBefore);
  return { count, wallNs, cpuNs: (user + system) * 1_000, result };
}

/** The arguments that {@link Worker.start} was given. */
export function workerArguments<T>(): T {
  return JSON.parse(process.argv[2] ?? '{}') as T;
}
