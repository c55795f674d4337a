/** What the searches of the browser tests find: few lines have a needle, and more have grain than a search runs ahead. */
const FILES = 30;
const LINES = 100;

export type Row = [file: string, line: string, text: string];

const UNBROKEN = `needle-${'without-a-place-to-break-'.repeat(11)}`;
/** Its name, and what is in it, is as long as a line gets. */
const LONG_PATH = `${'a-folder-with-a-name-that-goes-on-and-on/'.repeat(4)}and-a-file-of-this-kind.txt`;

const textOf = (file: number, line: number): string =>
  line % 5 === 0 ? `grain ${file}/${line} with a needle` : `grain ${file}/${line}`;

/** For checks that look at each cell. */
export const FEW: Record<string, string> = { [LONG_PATH]: UNBROKEN, 'some.txt': 'a needle\n'.repeat(20) };
export const TREE: Record<string, string> = { [LONG_PATH]: UNBROKEN };
export const NEEDLES: Row[] = [[LONG_PATH, '1', UNBROKEN]];

for (let file = 1; file <= FILES; file++) {
  const name = `field-${String(file).padStart(2, '0')}.txt`;
  const lines = Array.from({ length: LINES }, (_, index) => textOf(file, index + 1));
  TREE[name] = lines.join('\n');
  lines.forEach((text, index) => {
    if (text.includes('needle')) NEEDLES.push([name, String(index + 1), text]);
  });
}
