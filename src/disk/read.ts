import { type FileHandle, open } from "node:fs/promises";

const piece = 64 * 1024;

/**
 * The bytes of a file that somebody named, or what a pipe brings: no more than so many, for a device may give bytes without
 * end. Throws what the file system says, and `EFBIG` beyond that.
 */
export async function readAtMost(path: string, most: number): Promise<Buffer> {
  const file = await open(path, "r");
  try {
    return await readOpened(file, most);
  } finally {
    await file.close();
  }
}

/** The same for a file that is open. */
export async function readOpened(file: FileHandle, most: number): Promise<Buffer> {
  const { size } = await file.stat();
  const pieces: Buffer[] = [];
  for (let length = 0; ; ) {
    const buffer = Buffer.allocUnsafe(Math.min(Math.max(piece, size - length), most + 1 - length));
    const { bytesRead } = await file.read(buffer, 0, buffer.length);
    if (bytesRead === 0) return Buffer.concat(pieces, length);
    pieces.push(buffer.subarray(0, bytesRead));
    length += bytesRead;
    if (length > most) throw Object.assign(new Error(`it has more than ${most} bytes`), { code: "EFBIG" });
  }
}
