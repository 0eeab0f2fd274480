import type { FileHandle } from "node:fs/promises";
import { readAt } from "../disk/index.ts";
import { phrase } from "../errors/index.ts";
import { AirGapError } from "./errors.ts";
import { blockBytes, paddingOf } from "./tar-write.ts";

/** Where the content of a file is in an archive. */
export interface TarEntry {
  readonly start: number;
  readonly size: number;
}

/** Files of an archive: a hundred for each of ten thousand images. */
const maxEntries = 1_000_000;
/** Bytes of the extended records of one file: a path and a size take two hundred. */
const maxRecordBytes = 64 * 1024;
const maxNameBytes = 1024;

/** Kinds of entries by their flag, as errors call them. */
const otherKinds: Readonly<Record<string, string>> = {
  "1": "a hard link",
  "2": "a symbolic link",
  "3": "a device",
  "4": "a device",
  "6": "a pipe",
  S: "a sparse file",
};

/**
 * Finds the files in a tar archive (POSIX.1-2017 ustar and pax, GNU's long names) without reading them: from header to header. Folders
 * are passed over; whatever else is no regular file is refused, and so are names that lead out of the archive or stand twice.
 * @param where What errors call the file.
 * @throws {AirGapError} `bundle-unreadable`, `bundle-damaged`, `bundle-refused`.
 */
export async function readTar(file: FileHandle, where: string): Promise<ReadonlyMap<string, TarEntry>> {
  const { size: end } = await file.stat();
  const found = new Map<string, TarEntry>();
  const refuse = (message: string): AirGapError => new AirGapError("bundle-refused", message, { where });
  const cutOff = (): AirGapError =>
    new AirGapError("bundle-damaged", phrase`the file ends in the middle, after ${end} bytes`, {
      where,
      hint: "bring it over once more, or make it once more: what is there is not read again",
    });
  let extended: Extended = {};
  for (let at = 0; ; ) {
    const block = await readAt(file, at, blockBytes);
    if (block.length < blockBytes) throw at === 0 ? unreadable(block, where) : cutOff();
    if (isZero(block)) return found;
    if (!isHeader(block)) {
      if (at === 0) throw unreadable(block, where);
      throw new AirGapError("bundle-damaged", phrase`it was changed: no file begins at byte ${at}`, {
        where,
        hint: "copy it anew, or make it anew with waybill bundle create",
      });
    }
    const type = String.fromCharCode(block[156] ?? 0);
    const stated = numberIn(block.subarray(124, 136));
    const size = extended.size ?? stated;
    if (size === undefined || !Number.isSafeInteger(size))
      throw refuse("a file says no size that could be one");
    const start = at + blockBytes;
    if (start + size > end) throw cutOff();
    at = start + size + paddingOf(size);
    if (type === "x" || type === "L" || type === "g" || type === "K") {
      if (stated === undefined || stated > maxRecordBytes) throw refuse("the records of a file are too long");
      const bytes = await readAt(file, start, stated);
      at = start + stated + paddingOf(stated);
      if (type === "x") extended = { ...extended, ...recordsIn(bytes, refuse) };
      if (type === "L") extended = { ...extended, path: textIn(bytes) };
      continue;
    }
    const named = extended.path ?? nameIn(block);
    extended = {};
    if (type === "5") continue;
    if (type !== "0" && type !== "\0") {
      const kind = otherKinds[type] ?? "something that is no file";
      throw refuse(`${JSON.stringify(named.slice(0, 200))} is ${kind}, and a bundle holds files alone`);
    }
    const name = named.replace(/^(?:\.\/)+/, "");
    const fault = nameFault(name);
    if (fault !== undefined) throw refuse(`${JSON.stringify(named.slice(0, 200))}: ${fault}`);
    if (found.has(name)) throw refuse(`${JSON.stringify(name)} stands in it twice`);
    if (found.size >= maxEntries) throw refuse(`it has more than ${maxEntries} files`);
    found.set(name, { start, size });
  }
}

/** What extended records say of the file after them. */
interface Extended {
  readonly path?: string;
  readonly size?: number;
}

function unreadable(block: Buffer, where: string): AirGapError {
  const isPacked = (block[0] === 0x1f && block[1] === 0x8b) || block.subarray(0, 4).equals(zstandard);
  return new AirGapError("bundle-unreadable", "it is no tar archive", {
    where,
    hint: isPacked ? "it is compressed: unpack it first, as with gunzip or unzstd" : undefined,
  });
}

const zstandard = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

function isZero(block: Buffer): boolean {
  return block.every((byte) => byte === 0);
}

function isHeader(block: Buffer): boolean {
  const stated = numberIn(block.subarray(148, 156));
  const sum = block.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0);
  return stated === sum && block.toString("latin1", 257, 262) === "ustar";
}

/** Octal digits, or GNU's binary form, which the first bit announces. */
function numberIn(field: Buffer): number | undefined {
  const [first = 0] = field;
  if (first === 0x80) {
    const value = field.subarray(1).reduce((total, byte) => total * 256 + byte, 0);
    return Number.isSafeInteger(value) ? value : undefined;
  }
  const text = textIn(field).trim();
  return /^[0-7]{1,12}$/.test(text) ? Number.parseInt(text, 8) : undefined;
}

function textIn(field: Buffer): string {
  const end = field.indexOf(0);
  return field.toString("utf8", 0, end < 0 ? field.length : end);
}

function nameIn(block: Buffer): string {
  const name = textIn(block.subarray(0, 100));
  // GNU's older headers have times where the prefix is.
  const isPosix = block[262] === 0;
  const prefix = isPosix ? textIn(block.subarray(345, 500)) : "";
  return prefix === "" ? name : `${prefix}/${name}`;
}

function recordsIn(bytes: Buffer, refuse: (message: string) => AirGapError): Extended {
  let path: string | undefined;
  let size: number | undefined;
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at);
    const length = space < 0 ? Number.NaN : Number(bytes.toString("latin1", at, space));
    const isWhole = Number.isInteger(length) && length > 0 && at + length <= bytes.length;
    if (!isWhole || space - at > 6 || bytes[at + length - 1] !== 0x0a)
      throw refuse("the records of a file are broken");
    const text = bytes.toString("utf8", space + 1, at + length - 1);
    const equals = text.indexOf("=");
    const key = text.slice(0, equals);
    const value = text.slice(equals + 1);
    if (key.startsWith("GNU.sparse.")) throw refuse("it has a sparse file, and a bundle holds whole ones");
    if (key === "path") path = value;
    if (key === "size") {
      if (!/^\d{1,16}$/.test(value)) throw refuse("a file says no size that could be one");
      size = Number(value);
    }
    at += length;
  }
  return { ...(path === undefined ? {} : { path }), ...(size === undefined ? {} : { size }) };
}

function nameFault(name: string): string | undefined {
  if (name === "" || name.length > maxNameBytes) return "it is no name of a file";
  if (/[\p{Cc}\\]/u.test(name)) return "it has characters that no file of a bundle has";
  const segments = name.split("/");
  if (segments.includes("..")) return "it leads out of the archive";
  if (name.startsWith("/")) return "it is a path from the root of a disk";
  return segments.some((segment) => segment === "" || segment === ".") ? "it is no plain path" : undefined;
}
