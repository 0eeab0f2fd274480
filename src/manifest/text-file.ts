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
const largestFile = 8 * 1024 * 1024;

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
  if (!status.isFile()) return fault("unreadable-file", `"${path}" is not a regular file`);
  if (status.size > largestFile) return tooLarge(path);
  const bytes = await file.readFile();
  if (bytes.length > largestFile) return tooLarge(path);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return {
      ...fault("not-utf8", `"${path}" is not text in UTF-8`),
      hint: "save it as UTF-8; Windows tools may have written UTF-16",
    };
  }
}

function tooLarge(path: string): TextFileFault {
  return fault("file-too-large", `"${path}" is larger than ${largestFile / 1024 / 1024} MiB`);
}

function unreadable(path: string, error: unknown): TextFileFault {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const reasons = new Map<unknown, string>([
    ["ENOENT", "no such file or directory"],
    ["ENOTDIR", "no such file or directory"],
    ["EACCES", "permission denied"],
    ["EISDIR", "it is a directory"],
    ["ELOOP", "its symbolic links go in a circle"],
    ["ENXIO", "it is not a regular file"],
  ]);
  const reason = reasons.get(code) ?? (error instanceof Error ? error.message : String(error));
  const isMissing = code === "ENOENT" || code === "ENOTDIR";
  return { ...fault("unreadable-file", `cannot read "${path}": ${reason}`), isMissing };
}

function fault(code: TextFileFault["code"], message: string): TextFileFault {
  return { code, isMissing: false, message };
}
