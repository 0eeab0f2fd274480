import { randomBytes } from "node:crypto";
import { lstat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Content, startDraft } from "./draft.ts";
import { ifPresent } from "./fault.ts";

/** How a file is replaced. */
export interface ReplaceOptions {
  /** Where the new file is made, on the same file system: beside the old one when it is left out. */
  readonly draft?: string;
  /** Called right before the change, when all that can fail has been done: what it throws leaves the file as it was. */
  readonly check?: () => Promise<void>;
  /** The mode of the file, from its first byte on: for what nobody else may read, whatever the old one's was. */
  readonly mode?: number;
}

/**
 * Puts content under a name in one step: whoever reads it sees what was there before, or all of it, even after a crash.
 * A regular file that was there leaves its mode and, as far as this user may, its owner. A link is replaced, not followed.
 * Throws what the file system says; the name then stands for what it stood for.
 */
export async function replaceFile(
  path: string,
  content: Content,
  { draft: draftPath = draftBeside(path), check, mode }: ReplaceOptions = {},
): Promise<void> {
  const old = await ifPresent(lstat(path));
  const draft = await startDraft(draftPath, mode);
  try {
    if (old?.isFile()) await draft.inherit(mode === undefined ? old : { uid: old.uid, gid: old.gid, mode });
    await draft.write(content);
    await draft.flush();
    await check?.();
    await draft.keepAs(path);
  } finally {
    await draft.discard();
  }
}

/** A path for a draft in the folder of a file. */
export function draftBeside(path: string): string {
  return join(dirname(path), `.${randomBytes(8).toString("hex")}.waybill`);
}
