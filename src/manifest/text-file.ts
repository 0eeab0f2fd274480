import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import type { DiagnosticCode } from "./diagnostic-codes.ts";

/** Why a file gave no text. */
export interface TextFileFault {
  readonly code: Extract<DiagnosticCode, "unreadable-file" | "file-too-large" | "not-utf8">;
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
    const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      return await readOpened(file, path);
    } finally {
      await file.close();
    }
  } catch (error) {
    return unreadable(path, error);
  }
}

async function readOpened(file: FileHandle, path: string): Promise<string | TextFileFault> {
  const status = await file.stat();
  if (!status.isFile()) return notRegular(path);
  if (status.size > maxFileBytes) return tooLarge(path);
  const bytes = await file.readFile();
  return bytes.length > maxFileBytes ? tooLarge(path) : decodeText(bytes, path);
}

/** The bytes of a file as text, a byte order mark included. */
export function decodeText(bytes: Uint8Array, path: string): string | TextFileFault {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return {
      ...fault("not-utf8", `"${path}" is not text in UTF-8`),
      hint: "save it as UTF-8; Windows tools may have written UTF-16",
    };
  }
}

/** A digest of a text. Line ends do not count: a checkout may write others than the commit has. */
export function fingerprint(text: string): string {
  return createHash("sha256").update(text.replaceAll("\r\n", "\n")).digest("hex");
}

/** Nothing is at the path. */
export function missingFile(path: string): TextFileFault {
  return { ...fault("unreadable-file", `cannot read "${path}": no such file or directory`), isMissing: true };
}

/** A folder, pipe or device is at the path. */
export function notRegular(path: string): TextFileFault {
  return fault("unreadable-file", `"${path}" is not a regular file`);
}

/** More than {@link maxFileBytes} bytes are at the path. */
export function tooLarge(path: string): TextFileFault {
  return fault("file-too-large", `"${path}" is larger than ${maxFileBytes / 1024 / 1024} MiB`);
}

/** A symbolic link at the path leads to where nobody may look. */
export function astray(path: string): TextFileFault {
  return {
    ...fault("unreadable-file", `"${path}" leads out of the repository`),
    hint: "a link is followed within the checkout or folder that is read, for somebody else may have made it",
  };
}

function unreadable(path: string, error: unknown): TextFileFault {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOENT" || code === "ENOTDIR") return missingFile(path);
  // As in a commit, where nobody tells a circle from a link that leads nowhere.
  if (code === "ELOOP") {
    return {
      ...fault("unreadable-file", `cannot read "${path}": its symbolic links go in a circle`),
      isMissing: true,
    };
  }
  const reasons = new Map<unknown, string>([
    ["EACCES", "permission denied"],
    ["EISDIR", "it is a directory"],
    ["ENXIO", "it is not a regular file"],
  ]);
  const reason = reasons.get(code) ?? (error instanceof Error ? error.message : String(error));
  return fault("unreadable-file", `cannot read "${path}": ${reason}`);
}

function fault(code: TextFileFault["code"], message: string): TextFileFault {
  return { code, isMissing: false, message };
}
