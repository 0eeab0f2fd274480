import { closeSync, fdatasyncSync, fsyncSync, openSync } from "node:fs";
import { chmod, readdir, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import type { PGlite, PGliteOptions } from "@electric-sql/pglite";
import { flushFile, flushFolder, ifPresent, makeFolder, removeTree } from "../../disk/index.ts";
import { DatabaseError } from "../errors.ts";

/** The major version of PostgreSQL that the engine is. */
export const engineVersion = 18;

/** What a folder has of the embedded database: nothing yet, or its files. Throws {@link DatabaseError} for what the engine cannot open. */
export async function filesIn(folder: string): Promise<"none" | "present"> {
  const files = filesOf(folder);
  const version = (await ifPresent(readFile(join(files, "PG_VERSION"), "utf8")))?.trim();
  if (version === undefined) {
    const names = (await ifPresent(readdir(files))) ?? [];
    if (names.length === 0) return "none";
    throw new DatabaseError("unreadable", "these are not the files of a database: PG_VERSION is missing", {
      where: files,
      hint: "name another folder, or restore a backup",
    });
  }
  if (version === String(engineVersion)) return "present";
  // The engine stops with nothing but an address when it opens these.
  throw new DatabaseError(
    "other-version",
    `the files are of PostgreSQL ${version}, this version of Waybill has ${engineVersion}`,
    { where: files, hint: "make a backup with the version that wrote them, and restore it with this one" },
  );
}

/** Where the files of the database are. */
export function filesOf(folder: string): string {
  return join(folder, "postgres");
}

/**
 * Makes the files of a new database, whole or not at all.
 * @param create Fills the folder that it is given.
 */
export async function makeFiles(folder: string, create: (draft: string) => Promise<void>): Promise<void> {
  const draft = join(folder, "postgres.new");
  await removeTree(draft);
  await makeFolder(draft);
  await chmod(draft, 0o700);
  await create(draft);
  await flushTree(draft);
  await rename(draft, filesOf(folder));
  await flushFolder(folder);
}

async function flushTree(folder: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true });
  await Promise.all(
    entries.map((entry) => (entry.isDirectory() ? flushTree : flushFile)(join(folder, entry.name))),
  );
  await flushFolder(folder);
}

/** What the engine's own file system has of what is used of it here. */
interface NodeFiles {
  readonly stream_ops: object;
  realPath(node: unknown): string;
}

interface Stream {
  /** The descriptor, of files alone. */
  readonly nfd?: number;
  readonly node: unknown;
}

/**
 * The engine's file system in a folder, with what it leaves out: that PostgreSQL's `fsync` reaches the disk. Without it the database
 * outlives the end of the process, and not that of the machine.
 */
export async function durableFileSystem(files: string): Promise<NonNullable<PGliteOptions["fs"]>> {
  const { NodeFS } = await import("@electric-sql/pglite/nodefs");
  class DurableFileSystem extends NodeFS {
    override async init(engine: PGlite, options: Parameters<InstanceType<typeof NodeFS>["init"]>[1]) {
      const made = await super.init(engine, options);
      made.emscriptenOpts.preRun?.push(((module: { readonly NODEFS: NodeFiles }) => {
        const { NODEFS } = module;
        Object.assign(NODEFS.stream_ops, {
          fsync({ nfd, node }: Stream): number {
            if (nfd === undefined) flushFolderNow(NODEFS.realPath(node));
            else fdatasyncSync(nfd);
            return 0;
          },
        });
      }) as never);
      return made;
    }
  }
  return new DurableFileSystem(files);
}

function flushFolderNow(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
