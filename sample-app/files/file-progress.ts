export interface FileProgressJson {
  read: number;
  /** How many are known to be there: all of them only once they are counted. */
  known: number;
  isCounted: boolean;
  /** Milliseconds to go, once they are counted. */
  etaMs?: number;
}

/** How many files are read, and how many there are: they are counted while the first ones are being read. */
export class FileProgress {
  private read = 0;
  private counted = 0;
  private isCounted = false;
  private readonly startedAt = performance.now();
  private updatedAt = this.startedAt;

  /** Also for a file that is left out, or cannot be read: it is counted, too. */
  addRead(): void {
    this.read += 1;
    this.updatedAt = performance.now();
  }

  async count(paths: AsyncIterable<string>): Promise<void> {
    for await (const _path of paths) this.counted += 1;
    this.isCounted = true;
  }

  /** Nothing is left to count. */
  endWithAllRead(): void {
    this.counted = this.read;
    this.isCounted = true;
  }

  toJSON(): FileProgressJson {
    const { read, isCounted } = this;
    const known = Math.max(this.counted, read);
    const msPerFile = (this.updatedAt - this.startedAt) / read;
    return { read, known, isCounted, etaMs: isCounted && read > 0 ? (known - read) * msPerFile : undefined };
  }
}
