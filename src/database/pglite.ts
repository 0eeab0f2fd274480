import { join } from "node:path";
import type { PGlite } from "@electric-sql/pglite";
import { makeFolder } from "../disk/index.ts";
import type { Database, Sql } from "./model.ts";
import { encoded, parsers } from "./values.ts";

type Session = Pick<PGlite, "query" | "exec">;

/** Opens the database whose files are in a folder; one that is not there is made. */
export async function openPglite(folder: string): Promise<Database> {
  const { PGlite } = await import("@electric-sql/pglite");
  await makeFolder(folder);
  const engine = await PGlite.create(join(folder, "postgres"));
  // The driver's own ways differ from those of the other one.
  engine.parsers = { ...parsers };
  engine.serializers = { 17: (bytes) => bytes };
  const sqlOf = (session: Session): Sql => ({
    async query<Row extends object>(text: string, values: readonly unknown[] = []) {
      return (await session.query<Row>(text, values.map(encoded))).rows;
    },
    async script(text) {
      await session.exec(text);
    },
  });
  return {
    kind: "pglite",
    where: folder,
    ...sqlOf(engine),
    transaction: (work) => engine.transaction((session) => work(sqlOf(session))),
    async listen(channel, onNotice) {
      const stop = await engine.listen(`"${channel}"`, onNotice);
      return () => stop();
    },
    close: () => engine.close(),
  };
}
