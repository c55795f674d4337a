import type { Clock, ClockTimer } from './clock.js';

/** Something that ends by itself at some time. */
export interface Expirable {
  /** When it is due, as things are, in ms of the clock; `Infinity` for never. May move to later without a word. */
  dueAt(nowMs: number): number;
  /** Called once, when it is due; it is not scheduled any more then. Must not throw. */
  expire(): void;
  /** Kept by {@link Expiry}: undefined when it is not scheduled. */
  expiryBucket: number | undefined;
}

/** How late an end may be. */
const BUCKET_MS = 100;

/**
 * One timer for all that expires. Entries lie in buckets by the time at which they were due when they were put there.
 * Being used only moves an entry's own `dueAt`: its bucket finds that out when its time comes, and moves it on.
 */
export class Expiry {
  private readonly buckets = new Map<number, Set<Expirable>>();
  /** The numbers of all buckets, ascending. */
  private readonly order: number[] = [];
  private timer: ClockTimer | undefined;
  private timerBucket = Infinity;

  constructor(
    private readonly clock: Clock,
    /** Runs outside of any request: a timer would keep what it is made in. */
    private readonly runClean: (fn: () => void) => void,
  ) {}

  /** Schedules an entry, or schedules it anew where it may be due earlier than before. */
  schedule(entry: Expirable): void {
    const bucket = bucketOf(entry.dueAt(this.clock.now()));
    if (entry.expiryBucket !== undefined) {
      if (entry.expiryBucket <= bucket) return;
      this.take(entry);
    }
    this.put(entry, bucket);
  }

  /** Forgets an entry. */
  remove(entry: Expirable): void {
    if (entry.expiryBucket === undefined) return;
    this.take(entry);
    if (this.order.length === 0) this.startTimer();
  }

  /** Entries in about the order in which they are due. Those that were used move on to where they belong now. */
  *byDueTime(): Iterable<Expirable> {
    const now = this.clock.now();
    for (let bucket = this.order[0]; bucket !== undefined; bucket = this.order[this.indexFor(bucket + 1)])
      for (const entry of this.buckets.get(bucket) ?? []) {
        const due = bucketOf(entry.dueAt(now));
        if (due <= bucket) yield entry;
        else {
          this.take(entry);
          this.put(entry, due);
        }
      }
  }

  private take(entry: Expirable): void {
    const bucket = entry.expiryBucket ?? Infinity;
    const entries = this.buckets.get(bucket);
    entry.expiryBucket = undefined;
    entries?.delete(entry);
    // Most entries are taken out long before they are due: until then their buckets would stay, empty.
    if (entries?.size === 0) {
      this.buckets.delete(bucket);
      this.order.splice(this.indexFor(bucket), 1);
    }
  }

  private put(entry: Expirable, bucket: number): void {
    if (bucket === Infinity) return;
    let entries = this.buckets.get(bucket);
    if (entries === undefined) {
      this.buckets.set(bucket, (entries = new Set()));
      this.order.splice(this.indexFor(bucket), 0, bucket);
    }
    entries.add(entry);
    entry.expiryBucket = bucket;
    if (bucket < this.timerBucket) this.startTimer();
  }

  /** Where a bucket is, or belongs: mostly at the end. */
  private indexFor(bucket: number): number {
    let low = 0;
    let high = this.order.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.order[middle] as number) < bucket) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** For the first bucket; none where there is no bucket. */
  private startTimer(): void {
    const [first] = this.order;
    this.timer?.cancel();
    this.timer = undefined;
    this.timerBucket = first ?? Infinity;
    if (first === undefined) return;
    const delayMs = first * BUCKET_MS - this.clock.now();
    this.runClean(() => {
      this.timer = this.clock.setTimeout(() => this.sweep(), delayMs);
    });
  }

  private sweep(): void {
    this.timer = undefined;
    this.timerBucket = Infinity;
    const now = this.clock.now();
    for (let first = this.order[0]; first !== undefined && first * BUCKET_MS <= now; first = this.order[0]) {
      this.order.shift();
      const entries = this.buckets.get(first);
      this.buckets.delete(first);
      // The end of one entry may have removed others.
      for (const entry of entries ?? []) if (entry.expiryBucket === first) this.expireOrMove(entry, now);
    }
    if (this.timerBucket === Infinity) this.startTimer();
  }

  private expireOrMove(entry: Expirable, now: number): void {
    this.take(entry);
    const due = entry.dueAt(now);
    if (due <= now) entry.expire();
    // An entry in use can be due in this very bucket again: the next one looks at it.
    else this.put(entry, Math.max(bucketOf(due), bucketOf(now) + 1));
  }
}

function bucketOf(dueMs: number): number {
  return Math.ceil(dueMs / BUCKET_MS);
}
