import { posix } from 'node:path';

/** Longer ones are parts of names rather than kinds of files, as in `chunk.3f2a9c81d4e5b607`. */
const MAX_EXTENSION_CHARS = 12;
const MAX_EXTENSIONS_TOLD = 12;

export interface FileSize {
  name: string;
  bytes: number;
}

/** What the files with one extension sum up to. */
export interface ExtensionTotal {
  /** In lower case, with its dot; '' for files that have none. */
  extension: string;
  files: number;
  bytes: number;
}

/** What an answer tells of the totals. */
export interface TotalsSummary {
  folders: number;
  files: number;
  bytes: number;
  /** The greatest ones, by bytes. */
  extensions: ExtensionTotal[];
  /** All that are not among the greatest. */
  others: { extensions: number; files: number; bytes: number };
}

/** Sums of a folder and what is below it. They grow by whole folders, so that whoever looks never sees half of one. */
export class FolderTotals {
  private folders = 0;
  private readonly byExtension = new Map<string, ExtensionTotal>();

  addFolder(files: readonly FileSize[]): void {
    this.folders += 1;
    for (const { name, bytes } of files) {
      const total = this.totalOf(extensionOf(name));
      total.files += 1;
      total.bytes += bytes;
    }
  }

  summary(): TotalsSummary {
    const all = [...this.byExtension.values()].sort(
      (a, b) => b.bytes - a.bytes || b.files - a.files || (a.extension < b.extension ? -1 : 1),
    );
    const rest = all.slice(MAX_EXTENSIONS_TOLD);
    return {
      folders: this.folders,
      ...sumOf(all),
      extensions: all.slice(0, MAX_EXTENSIONS_TOLD),
      others: { extensions: rest.length, ...sumOf(rest) },
    };
  }

  private totalOf(extension: string): ExtensionTotal {
    const known = this.byExtension.get(extension);
    if (known !== undefined) return known;
    const total = { extension, files: 0, bytes: 0 };
    this.byExtension.set(extension, total);
    return total;
  }
}

function extensionOf(name: string): string {
  const extension = posix.extname(name).toLowerCase();
  return extension.length > 1 && extension.length <= MAX_EXTENSION_CHARS ? extension : '';
}

function sumOf(totals: readonly ExtensionTotal[]): { files: number; bytes: number } {
  return {
    files: totals.reduce((sum, { files }) => sum + files, 0),
    bytes: totals.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}
