import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { errorCodeOf, readRegular } from "../disk/index.ts";
import { messageOf } from "../errors/index.ts";

/** Why a file gave no text. */
export interface TextFileFault {
  readonly code: "unreadable-file" | "file-too-large" | "not-utf8";
  /** Whether there is nothing at that path. */
  readonly isMissing: boolean;
  readonly message: string;
  readonly hint?: string;
}

/** Bytes of one file. The largest promoter manifest that is known has 3 MB. */
export const maxFileBytes = 8 * 1024 * 1024;

/** Reads a whole text file, a byte order mark included. Pipes, devices and folders are refused, never waited for. */
export async function readTextFile(path: string): Promise<string | TextFileFault> {
  try {
    return decodeText(await readRegular(path, maxFileBytes));
  } catch (error) {
    return unreadable(error);
  }
}

/** The bytes of a file as text, a byte order mark included. */
export function decodeText(bytes: Uint8Array): string | TextFileFault {
  if (isUtf8(bytes)) return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  const hint = "save it as UTF-8; Windows tools may have written UTF-16";
  return { ...fault("not-utf8", "it is not text in UTF-8"), hint };
}

/** Characters up to which a text is remembered as it is: to hash it takes longer than to read it. */
const maxOwnFingerprint = 4096;

/**
 * What tells a text from all others: itself where it is short, else its digest. Line ends do not count: a checkout may write others
 * than the commit has.
 */
export function fingerprint(text: string): string {
  const own = text.replaceAll("\r\n", "\n");
  return own.length <= maxOwnFingerprint
    ? `text:${own}`
    : `sha256:${createHash("sha256").update(own).digest("hex")}`;
}

export const missingFile: TextFileFault = {
  ...fault("unreadable-file", "it cannot be read: no such file or directory"),
  isMissing: true,
};

export const notRegular = fault("unreadable-file", "it is not a regular file");

export const tooLarge = fault("file-too-large", `it is larger than ${maxFileBytes / 1024 / 1024} MiB`);

/** A symbolic link at the path leads to where nobody may look. */
export const astray: TextFileFault = {
  ...fault("unreadable-file", "it leads out of the repository"),
  hint: "a link is followed within the checkout or folder that is read, for somebody else may have made it",
};

function unreadable(error: unknown): TextFileFault {
  const code = errorCodeOf(error);
  if (code === "EFBIG") return tooLarge;
  // A socket is not even opened.
  if (code === "EFTYPE" || code === "ENXIO") return notRegular;
  if (code === "ENOENT" || code === "ENOTDIR") return missingFile;
  const message = `it cannot be read: ${unreadableReason(error)}`;
  // As in a commit, where nobody tells a circle from a link that leads nowhere.
  return { ...fault("unreadable-file", message), isMissing: code === "ELOOP" };
}

const reasons: ReadonlyMap<unknown, string> = new Map([
  ["EACCES", "permission denied"],
  ["ELOOP", "its symbolic links go in a circle"],
]);

/** Why the system gave nothing, without the path: where it is told, that is the place. */
export function unreadableReason(error: unknown): string {
  const code = errorCodeOf(error);
  return reasons.get(code) ?? code ?? messageOf(error);
}

function fault(code: TextFileFault["code"], message: string): TextFileFault {
  return { code, isMissing: false, message };
}
