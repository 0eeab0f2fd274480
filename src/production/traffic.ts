import { type Database, jsonText, type Sql } from "../database/index.ts";
import type { Traffic } from "../promotion/index.ts";
import { countOnce, forget, grains } from "./samples.ts";

/** The fault of a host that takes no more requests for the time being. */
const refusal = "rate-limited";

/** What an attempt has asked of hosts. */
export interface RunTraffic {
  readonly run: string;
  readonly attempt: number;
  readonly ended: Date;
  readonly traffic: Traffic;
}

/**
 * Adds what an attempt has asked of hosts to the hour and the day of its end. The same attempt counts once.
 * @throws {DatabaseError}
 */
export async function recordTraffic(
  db: Database,
  { run, attempt, ended, traffic }: RunTraffic,
  fence?: ((sql: Sql) => Promise<void>) | undefined,
): Promise<void> {
  const hosts = Object.entries(traffic.hosts).map(
    ([host, { requests, faults, waited, bytesRead, bytesSent }]) => ({
      host,
      requests: sumOf(requests),
      refused: faults[refusal] ?? 0,
      faults: sumOf(faults) - (faults[refusal] ?? 0),
      waited: Math.round(waited),
      ...{ bytes_read: bytesRead, bytes_sent: bytesSent },
    }),
  );
  if (hosts.length === 0) return;
  await db.transaction(async (sql) => {
    await fence?.(sql);
    if (!(await countOnce(sql, "traffic", { run, attempt }))) return;
    await sql.query(
      `INSERT INTO host_sample (host, grain, at, runs, ${counters.join(", ")})
       SELECT host, grain, grains.at, 1, ${counters.join(", ")}
       FROM jsonb_to_recordset($2::jsonb) AS host (host text, ${counters.map((name) => `${name} bigint`).join(", ")}), ${grains}
       ON CONFLICT (host, grain, at) DO UPDATE SET runs = host_sample.runs + 1,
         ${counters.map((name) => `${name} = host_sample.${name} + excluded.${name}`).join(", ")}`,
      [ended, jsonText(hosts)],
    );
    await forget(sql, "host_sample");
  });
}

const counters = ["requests", "refused", "faults", "waited", "bytes_read", "bytes_sent"] as const;

function sumOf(counts: Readonly<Record<string, number | undefined>>): number {
  return Object.values(counts).reduce<number>((sum, count) => sum + (count ?? 0), 0);
}
