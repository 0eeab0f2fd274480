import { cp, mkdir, rename, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterAll, afterEach, beforeAll, describe } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import {
  type Database,
  DatabaseError,
  type Migration,
  migrate,
  openDatabase,
} from "../../src/database/index.ts";
import { hasPostgres, type PostgresServer, startPostgres } from "./postgres.ts";
import { temporaryFolder } from "./tree.ts";

/** Databases for tests: for each test a new one, which is closed when it ends. */
export interface TestDatabases {
  readonly kind: Database["kind"];
  /** A database with nothing in it but what these make. The one before it is gone. */
  open(migrations?: readonly Migration[]): Promise<Database>;
  /** The database that was opened last, as another process has it. With the embedded one there is no other: it is the same. */
  openAgain(): Promise<Database>;
}

/**
 * Runs the same tests on PGlite and on PostgreSQL. The tests on PostgreSQL are skipped where there is none, and say so; on a CI
 * machine (`CI=true`) they run and fail. A file has one engine of PGlite and one server for all its tests.
 */
export function describeDatabases(tests: (databases: TestDatabases) => void): void {
  describe("on PGlite", () => tests(usePglite()));
  describePostgres("on PostgreSQL", () => tests(usePostgres()));
}

/** `describe` for what needs a server of PostgreSQL. */
export function describePostgres(name: string, tests: () => void): void {
  if (hasPostgres || process.env.CI === "true") describe(name, tests);
  else describe.skip(`${name} [skipped: no initdb of PostgreSQL]`, tests);
}

/** Embedded databases for the tests of a `describe`, or of a file: one engine, emptied for each test. */
export function usePglite(): TestDatabases {
  let temporary: Awaited<ReturnType<typeof temporaryFolder>>;
  let engine: Database;
  const opened: Database[] = [];
  beforeAll(async () => {
    temporary = await temporaryFolder("pglite");
    await copyOfEmptyPglite(temporary.path);
    engine = await openDatabase({ folder: temporary.path });
  });
  afterEach(() => closeAll(opened));
  afterAll(async () => {
    await engine?.close();
    await temporary?.remove();
  });
  const lend = () => {
    const lent = lendDatabase(engine);
    opened.push(lent);
    return lent;
  };
  return {
    kind: "pglite",
    async open(migrations = []) {
      await closeAll(opened);
      await engine.script(emptied);
      if (migrations.length > 0) await migrate(engine, migrations);
      return lend();
    },
    openAgain: async () => lend(),
  };
}

/** Databases of a server of PostgreSQL for the tests of a `describe`, or of a file. */
export function usePostgres(): TestDatabases & { readonly server: () => PostgresServer } {
  let server: PostgresServer;
  let administration: Database;
  let count = 0;
  const opened: Database[] = [];
  beforeAll(async () => {
    server = await startPostgres();
    administration = await openDatabase({ url: server.url("postgres") });
  });
  afterEach(() => closeAll(opened));
  afterAll(async () => {
    await administration?.close();
    await server?.remove();
  });
  const connect = async () => {
    const db = await openDatabase({ url: server.url(`test_${count}`) });
    opened.push(db);
    return db;
  };
  return {
    kind: "postgres",
    server: () => server,
    async open(migrations = []) {
      count += 1;
      await administration.query(`CREATE DATABASE test_${count} TEMPLATE template0`);
      const db = await connect();
      if (migrations.length > 0) await migrate(db, migrations);
      return db;
    },
    openAgain: connect,
  };
}

async function closeAll(opened: Database[]): Promise<void> {
  for (const db of opened.splice(0)) await db.close();
}

const emptied = `
  DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema$)' LOOP
      EXECUTE format('DROP SCHEMA %I CASCADE', name);
    END LOOP;
    CREATE SCHEMA public;
    PERFORM pg_advisory_unlock_all();
  END $$`;

/** A database whose end is not that of the engine behind it. */
function lendDatabase(engine: Database): Database {
  let isOpen = true;
  const stops = new Set<() => Promise<void>>();
  const use = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    if (!isOpen) throw new DatabaseError("closed", "the database was closed");
    return work();
  };
  return {
    kind: engine.kind,
    where: engine.where,
    query: (text, values) => use(() => engine.query(text, values)),
    script: (text) => use(() => engine.script(text)),
    transaction: (work) => use(() => engine.transaction(work)),
    listen: (channel, onNotice, onRestored) =>
      use(async () => {
        const stop = await engine.listen(channel, onNotice, onRestored);
        stops.add(stop);
        return async () => {
          if (stops.delete(stop)) await stop();
        };
      }),
    async close() {
      isOpen = false;
      for (const stop of stops) await stop();
      stops.clear();
    },
  };
}

const root = resolve(import.meta.dirname, "../..");
/** A folder of the embedded database in which nothing was done yet: it takes seconds to make, and is made once. */
const prepared = join(root, ".cache", `pglite-${manifest.dependencies["@electric-sql/pglite"]}`);

/** Makes a new folder of the embedded database, without the seconds that it takes to make one. */
export async function copyOfEmptyPglite(folder: string): Promise<void> {
  const isThere = await stat(prepared).then(
    () => true,
    () => false,
  );
  if (!isThere) await prepare();
  await cp(prepared, folder, { recursive: true });
}

async function prepare(): Promise<void> {
  const draft = `${prepared}-${process.pid}`;
  await mkdir(draft, { recursive: true });
  try {
    const db = await openDatabase({ folder: draft });
    await db.close();
    // Another run may have been quicker: its result is the same.
    await rename(draft, prepared).catch(() => stat(prepared));
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}
