import { lstat, readlink, realpath } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { ifPresent } from "./fault.ts";

/** Where a name leads to, through all links. */
export type OutputTarget =
  /** A name that may be opened; nothing may have it yet. */
  | { readonly kind: "name"; readonly path: string }
  /** A descriptor that this process was started with, as `/dev/stdout` and a shell's `>(command)` are. */
  | { readonly kind: "descriptor"; readonly number: number; readonly path: string };

const maxLinks = 40;

/** Follows links from a name on. Throws what the file system says. */
export async function targetOf(name: string): Promise<OutputTarget> {
  let path = resolve(name);
  for (let hops = 0; hops < maxLinks; hops += 1) {
    const folder = await realpath(dirname(path));
    const at = join(folder, basename(path));
    const descriptor = ownDescriptor(folder, basename(path));
    if (descriptor !== undefined) return { kind: "descriptor", number: descriptor, path: at };
    const found = await ifPresent(lstat(at));
    // What a descriptor of another process leads to has no name that could be followed.
    if (!found?.isSymbolicLink() || isOfProcess(folder)) return { kind: "name", path: at };
    path = resolve(folder, await readlink(at));
  }
  throw Object.assign(new Error(`too many links: ${name}`), { code: "ELOOP" });
}

const processFolder = /^\/proc\/(\d+)(?:\/task\/\d+)?\/fd$/;

function isOfProcess(folder: string): boolean {
  return processFolder.test(folder);
}

function ownDescriptor(folder: string, name: string): number | undefined {
  const isOwn = folder === "/dev/fd" || Number(processFolder.exec(folder)?.[1]) === process.pid;
  return isOwn && /^\d{1,7}$/.test(name) ? Number(name) : undefined;
}
