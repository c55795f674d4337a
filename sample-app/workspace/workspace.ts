import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConflictException } from '@nestjs/common';
import { SessionScoped } from 'nestjs-active-session';

/**
 * A sheet that a job writes on, line by line. There is one for each session, and nothing in here keeps two jobs from
 * writing on it at once: that is what the session's lock is for. Without it their lines would stand among each other.
 */
@SessionScoped()
export class Workspace {
  private folder: Promise<string> | undefined;

  /** Where it is on the disk: in a folder of its own, from the first use to the end of the session. */
  async sheet(): Promise<string> {
    this.folder ??= mkdtemp(join(tmpdir(), 'sample-workspace-'));
    return join(await this.folder, 'sheet.txt');
  }

  /** Adds a line, and reads the sheet back: whose lines are not alone on it has lost. */
  async write(job: string, text: string): Promise<void> {
    const sheet = await this.sheet();
    await appendFile(sheet, `${job} ${text}\n`);
    const lines = (await readFile(sheet, 'utf8')).trimEnd().split('\n');
    if (lines.some((line) => !line.startsWith(`${job} `)))
      throw new ConflictException('The lines of two jobs are mixed: both used the workspace at once.');
  }

  /** For the next job. */
  async clear(): Promise<void> {
    await rm(await this.sheet(), { force: true });
  }

  async onModuleDestroy(): Promise<void> {
    if (this.folder !== undefined) await rm(await this.folder, { recursive: true, force: true });
  }
}
