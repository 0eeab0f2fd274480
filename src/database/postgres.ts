import type { ClientBase, QueryConfig, QueryResult } from "pg";
import type { Database, Sql } from "./model.ts";
import { encoded, parserOf } from "./values.ts";

/** One statement, also where it has no values: the types of the driver do not know the mode. */
interface Statement extends QueryConfig {
  readonly queryMode: "extended";
}

/** Opens the database that a server has. */
export async function openPostgres(url: string): Promise<Database> {
  const { default: pg } = await import("pg");
  const pool = new pg.Pool({ connectionString: url, types: { getTypeParser: parserOf as never } });
  pool.on("error", () => undefined);
  const sqlOf = (client: Pick<ClientBase, "query">): Sql => ({
    async query<Row extends object>(text: string, values: readonly unknown[] = []) {
      const statement: Statement = { text, values: values.map(encoded), queryMode: "extended" };
      const answer: QueryResult<Row> = await client.query(statement);
      return answer.rows;
    },
    async script(text) {
      await client.query(text);
    },
  });
  return {
    kind: "postgres",
    where: url.replace(/^(\w+:\/\/[^:@/]*):[^/]*@/, "$1@"),
    ...sqlOf(pool),
    async transaction(work) {
      const client = await pool.connect();
      try {
        await client.query("BEGIN");
        const result = await work(sqlOf(client));
        await client.query("COMMIT");
        return result;
      } catch (error) {
        await client.query("ROLLBACK");
        throw error;
      } finally {
        client.release();
      }
    },
    async listen(channel, onNotice) {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      client.on("notification", ({ channel: from, payload = "" }) => {
        if (from === channel) onNotice(payload);
      });
      await client.query(`LISTEN ${client.escapeIdentifier(channel)}`);
      return () => client.end();
    },
    close: () => pool.end(),
  };
}
