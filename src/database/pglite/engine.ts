import type { PGlite } from "@electric-sql/pglite";
import { DatabaseError } from "../errors.ts";
import { parsers } from "../values.ts";
import { durableFileSystem } from "./files.ts";

/** The engine on the files of a folder, and what it says of itself. */
export interface DatabaseEngine {
  readonly pglite: PGlite;
  /** Why nothing more is to be asked of it: what PostgreSQL said when it gave up. */
  readonly lastWords: () => string | undefined;
}

/** What is said on the way down, which is all that is known of why. Lines that go on with another one's text begin otherwise. */
const lastWordsForm = /^(?:PANIC|FATAL):\s*(.*)/;

/** Those of the engine are for a browser's tab; of these, the last one that sets a thing counts. */
const parameters: readonly string[] = [
  "fsync=on",
  // The only way that reaches the file system of the engine.
  "wal_sync_method=fsync",
  "shared_buffers=32MB",
  "max_wal_size=256MB",
  "min_wal_size=32MB",
  "log_line_prefix=",
];

/** Starts PostgreSQL on its files, which recovers what a crash left. Throws {@link DatabaseError} `unreadable`. */
export async function startEngine(files: string): Promise<DatabaseEngine> {
  const { PGlite } = await import("@electric-sql/pglite");
  let words: string | undefined;
  let pglite: PGlite | undefined;
  const onStderr = (text: string): boolean => {
    const [, last] = lastWordsForm.exec(text) ?? [];
    words = last ?? words;
    if (last !== undefined && pglite !== undefined) stop(pglite);
    return false;
  };
  const startParams = [
    ...PGlite.defaultStartParams.filter((word) => word !== "-F"),
    ...parameters.flatMap((parameter) => ["-c", parameter]),
  ];
  try {
    const fs = await durableFileSystem(files);
    pglite = await PGlite.create({ fs, startParams, onStderr, onStdout: () => false });
    // The driver's own ways with values differ from those of the other one.
    pglite.parsers = { ...parsers };
    pglite.serializers = { 17: (bytes) => bytes };
    return { pglite, lastWords: () => words };
  } catch (error) {
    const reason = words ?? (error instanceof Error ? error.message : String(error));
    throw new DatabaseError("unreadable", `PostgreSQL does not start on these files: ${reason}`, {
      where: files,
      hint: "make room if the disk is full; else restore a backup into an empty folder",
      cause: error,
    });
  }
}

/**
 * Ends the loop in which the library has PostgreSQL work off what it was sent: when that has given up it would go on for ever, and
 * nothing else in this process ever again.
 */
function stop(pglite: PGlite): void {
  const refuse = (): never => {
    throw new Error("PostgreSQL has stopped");
  };
  const ignore = (): void => undefined;
  Object.assign(pglite.Module, {
    _PostgresMainLoopOnce: refuse,
    // What it calls when that has failed.
    stackRestore: refuse,
    _PostgresSendReadyForQueryIfNecessary: ignore,
    _pgl_pq_flush: ignore,
  });
}
