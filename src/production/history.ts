import type { Sql } from "../database/index.ts";
import { badHealths } from "./health.ts";
import type { TroubleCounts } from "./model.ts";

/** What hours or days are looked at, the newest of them. */
export interface SampleRange {
  readonly grain: "hour" | "day";
  readonly since: Date;
}

/** An hour or a day of production, of all trees together. */
export interface ProductionSample {
  /** When it begins. */
  readonly at: Date;
  readonly looks: number;
  readonly edges: number;
  /** As it was last. */
  readonly counts: TroubleCounts;
  readonly promotedImages: number;
  readonly promotedEdges: number;
}

/** Production over time, the oldest first; hours and days in which nobody looked are not there. */
export async function productionHistory(
  sql: Sql,
  { grain, since }: SampleRange,
): Promise<readonly ProductionSample[]> {
  const rows = await sql.query<Omit<ProductionSample, "counts"> & TroubleCounts>(
    `SELECT at, sum(looks)::int AS looks, sum(edges)::int AS edges, sum(promoted_images)::int AS "promotedImages",
       sum(promoted_edges)::int AS "promotedEdges", ${badHealths.map((health) => `sum(${health})::int AS ${health}`).join(", ")}
     FROM production_sample WHERE grain = $1 AND at >= $2 GROUP BY at ORDER BY at`,
    [grain, since],
  );
  return rows.map(({ at, looks, edges, promotedImages, promotedEdges, ...counts }) => ({
    ...{ at, looks, edges, counts, promotedImages, promotedEdges },
  }));
}

/** What was asked of a host. */
export interface HostCounts {
  readonly runs: number;
  readonly requests: number;
  /** Times that it took no more for the time being (429). */
  readonly refused: number;
  /** Other failures that another attempt was made for, or that did not matter. */
  readonly faults: number;
  /** Milliseconds that it was left alone because it asked for that. */
  readonly waited: number;
  readonly bytesRead: number;
  readonly bytesSent: number;
}

/** The same of an hour or a day. */
export interface HostSample extends HostCounts {
  readonly host: string;
  readonly at: Date;
}

const columns = `sum(runs)::float8 AS runs, sum(requests)::float8 AS requests, sum(refused)::float8 AS refused,
  sum(faults)::float8 AS faults, sum(waited)::float8 AS waited, sum(bytes_read)::float8 AS "bytesRead", sum(bytes_sent)::float8 AS "bytesSent"`;

/** What was asked of each host altogether, the busiest first. @param limit Of hosts. */
export function listHosts(
  sql: Sql,
  { grain, since }: SampleRange,
  limit: number,
): Promise<readonly (HostCounts & { readonly host: string })[]> {
  return sql.query(
    `SELECT host, ${columns} FROM host_sample WHERE grain = $1 AND at >= $2 GROUP BY host
     ORDER BY sum(requests) DESC, host LIMIT $3::int`,
    [grain, since, limit],
  );
}

/** What was asked over time, the oldest first. @param hosts Of these alone, each by itself. */
export function hostHistory(
  sql: Sql,
  { grain, since }: SampleRange,
  hosts: readonly string[],
): Promise<readonly HostSample[]> {
  return sql.query(
    `SELECT host, at, ${columns} FROM host_sample WHERE grain = $1 AND at >= $2 AND host = ANY($3::text[])
     GROUP BY host, at ORDER BY at, host`,
    [grain, since, hosts],
  );
}
