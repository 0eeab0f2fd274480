import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";

/** A file that grows at its end, such as a log. Its methods throw what the file system says. */
export type GrowingFile = ReturnType<typeof openGrowing>;

/** Opens a file to be written at its end; one that is not there is made. Throws what the file system says. */
export function openGrowing(path: string) {
  const descriptor = openSync(path, "a");
  let isOpen = true;
  return {
    /** Written when this returns: whatever ends the process afterwards, the system has it. */
    append(chunk: Uint8Array | string): void {
      // Its number may be that of another file by now.
      if (!isOpen) throw new TypeError(`${path} is closed`);
      const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
      for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
    },
    /** Everything that was written reaches the disk, and nothing more can be. */
    close(): void {
      if (!isOpen) return;
      isOpen = false;
      try {
        fsyncSync(descriptor);
      } finally {
        closeSync(descriptor);
      }
    },
  };
}
