/** What a file system refused, as people say it. */
export interface DiskFault {
  readonly message: string;
  /** What to do next, where that is known. */
  readonly hint: string | undefined;
}

const room = "make room and run again: nothing half-written is visible";
const faults: ReadonlyMap<string, DiskFault> = new Map([
  ["ENOSPC", { message: "the disk is full", hint: room }],
  ["EDQUOT", { message: "the disk quota is used up", hint: room }],
  [
    "EFBIG",
    { message: "the file is too large for this file system", hint: "use a file system without that limit" },
  ],
  ["EROFS", { message: "the file system is read-only", hint: "mount it for writing" }],
  ["EACCES", { message: "permission denied", hint: "give this user access to the folder" }],
  ["EPERM", { message: "operation not permitted", hint: "give this user access to the folder" }],
  [
    "ELOOP",
    { message: "expected a regular file, found a symbolic link", hint: "links are not followed here" },
  ],
  ["EFTYPE", { message: "expected a regular file", hint: undefined }],
  ["EIO", { message: "the disk failed", hint: "check the medium" }],
  ["ENOENT", { message: "there is no such folder", hint: "make it first, or mend its name" }],
  ["EEXIST", { message: "something else has that name", hint: "name another one" }],
  ["ENOTDIR", { message: "what should be a folder is a file", hint: "name another folder" }],
  ["EISDIR", { message: "it is a folder", hint: "name a file" }],
  ["EPIPE", { message: "nobody reads it any more", hint: undefined }],
  ["ENXIO", { message: "nobody reads it, or it is a device that is not there", hint: undefined }],
  ["EBADF", { message: "it is not open for writing", hint: "name a file, or open it in the shell: 3>FILE" }],
  [
    "ELOCKED",
    {
      message: "another process does not release its lock",
      hint: "end that process; if there is none, delete the file",
    },
  ],
]);

/** The code of a system error, such as `ENOENT`. */
export function errorCodeOf(error: unknown): string | undefined {
  const isCoded = error instanceof Error && "code" in error && typeof error.code === "string";
  return isCoded ? (error.code as string) : undefined;
}

/** The answer of a reading call; `undefined` when the file or folder that it reads is not there. Throws what else is said. */
export async function ifPresent<Answer>(reading: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await reading;
  } catch (error) {
    const code = errorCodeOf(error);
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}

/** What a system error means, in words: in the system's own where there are none. */
export function diskFaultOf(error: unknown): DiskFault {
  const own = error instanceof Error ? error.message : String(error);
  return faults.get(errorCodeOf(error) ?? "") ?? { message: own, hint: undefined };
}
