import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A real folder of its own for one test; `content` maps paths with `/` to what the files hold. */
export async function makeTempTree(content: Record<string, string | Buffer> = {}): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'sample-app-'));
  for (const [path, data] of Object.entries(content)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), data);
  }
  return root;
}

export async function removeTempTree(root: string): Promise<void> {
  await rm(root, { recursive: true, force: true });
}
