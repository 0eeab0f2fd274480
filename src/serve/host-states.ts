import type { Database, Migration } from "../database/index.ts";
import type { RunEvent } from "../recording/index.ts";

/** The table of what runs have found out of hosts. */
export const hostStatesMigrations: readonly Migration[] = [
  {
    id: "host-states-0001",
    sql: `
CREATE TABLE host_state (
  host text PRIMARY KEY,
  seen_at timestamptz NOT NULL,
  status integer,
  requests bigint NOT NULL,
  throttled bigint NOT NULL,
  throttled_at timestamptz,
  paused_ms bigint NOT NULL,
  rate float8,
  rate_at timestamptz,
  refused integer,
  refused_at timestamptz,
  away text,
  away_at timestamptz,
  credential text,
  credential_at timestamptz
);
`,
  },
];

/** What is known of a host that runs have asked. */
export interface HostState {
  readonly host: string;
  /** When something was last heard of it. */
  readonly seenAt: Date;
  /** Status of its last answer. */
  readonly status: number | undefined;
  /** Requests, and those of them that it found to be too many (429), since it was first asked. */
  readonly requests: number;
  readonly throttled: number;
  readonly throttledAt: Date | undefined;
  /** Milliseconds of pauses that it demanded. */
  readonly pausedMilliseconds: number;
  /** Requests in a second that it was found to take, and when. */
  readonly learnt: { readonly requestsPerSecond: number; readonly at: Date } | undefined;
  /** The last answer that refused whoever it was shown: 403, or 401 of a token service. */
  readonly refused: { readonly status: number; readonly at: Date } | undefined;
  /** Why it cannot be reached, while it cannot. */
  readonly away: { readonly message: string; readonly at: Date } | undefined;
  /** Where what it is shown comes from; never what that is. */
  readonly credential: { readonly source: string; readonly at: Date } | undefined;
}

/** What one process has heard of a host since it was written down last. */
interface Heard {
  at: Date;
  requests: number;
  throttled: number;
  paused: number;
  status?: number;
  throttledAt?: Date;
  rate?: number;
  rateAt?: Date;
  refused?: number;
  refusedAt?: Date;
  /** `""`: it is back. */
  away?: string;
  credential?: string;
  credentialAt?: Date;
}

/** Hosts that are kept in all, and that one process remembers at a time. */
const maxHosts = 1_000;
const maxText = 500;

/** What runs of this process find out of hosts, on its way to the table. */
export interface HostStates {
  readonly heard: (event: RunEvent) => void;
  /** Writes down what was heard since; nothing where nothing was. What cannot be written is kept for the next time. */
  write(): Promise<void>;
}

/** Opens what is remembered of hosts. @param now For tests. */
export function openHostStates(db: Database, now: () => Date = () => new Date()): HostStates {
  let hosts = new Map<string, Heard>();
  const of = (host: string): Heard | undefined => {
    const known = hosts.get(host);
    if (known !== undefined) {
      known.at = now();
      return known;
    }
    if (hosts.size >= maxHosts || host.length > 255) return undefined;
    const heard: Heard = { at: now(), requests: 0, throttled: 0, paused: 0 };
    hosts.set(host, heard);
    return heard;
  };
  return {
    heard(event) {
      switch (event.type) {
        case "request": {
          const heard = of(event.host);
          if (heard === undefined) break;
          heard.requests += 1;
          heard.status = event.status;
          // An answer of any kind is one.
          heard.away = "";
          if (event.status === 429) {
            heard.throttled += 1;
            heard.throttledAt = heard.at;
          }
          // That it wants to know who asks is how each conversation begins; a token service has been told.
          if (event.status === 403 || (event.status === 401 && event.kind === "token")) {
            heard.refused = event.status;
            heard.refusedAt = heard.at;
          }
          break;
        }
        case "waiting": {
          const heard = of(event.host);
          if (heard === undefined) break;
          heard.paused += event.milliseconds;
          if (event.requestsPerSecond === undefined) break;
          heard.rate = event.requestsPerSecond;
          heard.rateAt = heard.at;
          break;
        }
        case "away": {
          const heard = of(event.host);
          if (heard !== undefined)
            heard.away = `${event.failure.code}: ${event.failure.message}`.slice(0, maxText);
          break;
        }
        case "credential": {
          const heard = of(event.host);
          if (heard === undefined || event.source === undefined) break;
          heard.credential = event.source.slice(0, maxText);
          heard.credentialAt = heard.at;
          break;
        }
        default:
      }
    },
    async write() {
      if (hosts.size === 0) return;
      const writing = hosts;
      hosts = new Map();
      try {
        await db.transaction(async (sql) => {
          // In one order: of two processes that write the same hosts, none waits for the other in a circle.
          for (const [host, heard] of [...writing].sort()) await writeOne(sql, host, heard);
          await sql.query(
            "DELETE FROM host_state WHERE host IN (SELECT host FROM host_state ORDER BY seen_at DESC OFFSET $1)",
            [maxHosts],
          );
        });
      } catch (error) {
        for (const [host, heard] of writing) hosts.set(host, joined(heard, hosts.get(host)));
        throw error;
      }
    },
  };
}

function joined(earlier: Heard, later: Heard | undefined): Heard {
  if (later === undefined) return earlier;
  return {
    ...earlier,
    ...later,
    requests: earlier.requests + later.requests,
    throttled: earlier.throttled + later.throttled,
    paused: earlier.paused + later.paused,
  };
}

async function writeOne(sql: Pick<Database, "query">, host: string, heard: Heard): Promise<void> {
  const { at, requests, throttled, paused, status, throttledAt, rate, rateAt } = heard;
  const { refused, refusedAt, away, credential, credentialAt } = heard;
  await sql.query(
    `INSERT INTO host_state AS known (host, seen_at, status, requests, throttled, throttled_at, paused_ms, rate, rate_at,
       refused, refused_at, away, away_at, credential, credential_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, nullif($12, ''), CASE WHEN $12 <> '' THEN $2::timestamptz END, $13, $14)
     ON CONFLICT (host) DO UPDATE SET seen_at = greatest(known.seen_at, excluded.seen_at),
       status = coalesce(excluded.status, known.status), requests = known.requests + excluded.requests,
       throttled = known.throttled + excluded.throttled,
       throttled_at = coalesce(excluded.throttled_at, known.throttled_at), paused_ms = known.paused_ms + excluded.paused_ms,
       rate = coalesce(excluded.rate, known.rate), rate_at = coalesce(excluded.rate_at, known.rate_at),
       refused = coalesce(excluded.refused, known.refused), refused_at = coalesce(excluded.refused_at, known.refused_at),
       away = CASE WHEN $12::text IS NULL THEN known.away ELSE excluded.away END,
       away_at = CASE WHEN $12::text IS NULL THEN known.away_at ELSE coalesce(known.away_at, excluded.away_at) END,
       credential = coalesce(excluded.credential, known.credential),
       credential_at = coalesce(excluded.credential_at, known.credential_at)`,
    [
      ...[host, at, status, requests, throttled, throttledAt, Math.round(paused), rate, rateAt],
      ...[refused, refusedAt, away, credential, credentialAt],
    ],
  );
}

/** What is known of all hosts, by name. */
export async function listHostStates(db: Pick<Database, "query">): Promise<readonly HostState[]> {
  interface Row {
    readonly host: string;
    readonly seen_at: Date;
    readonly status: number | null;
    readonly requests: string;
    readonly throttled: string;
    readonly throttled_at: Date | null;
    readonly paused_ms: string;
    readonly rate: number | null;
    readonly rate_at: Date | null;
    readonly refused: number | null;
    readonly refused_at: Date | null;
    readonly away: string | null;
    readonly away_at: Date | null;
    readonly credential: string | null;
    readonly credential_at: Date | null;
  }
  const rows = await db.query<Row>(`SELECT * FROM host_state ORDER BY host LIMIT ${maxHosts}`);
  return rows.map((row) => ({
    ...{ host: row.host, seenAt: row.seen_at, status: row.status ?? undefined },
    ...{ requests: Number(row.requests), throttled: Number(row.throttled) },
    ...{ throttledAt: row.throttled_at ?? undefined, pausedMilliseconds: Number(row.paused_ms) },
    learnt: both(row.rate, row.rate_at, (requestsPerSecond, at) => ({ requestsPerSecond, at })),
    refused: both(row.refused, row.refused_at, (status, at) => ({ status, at })),
    away: both(row.away, row.away_at, (message, at) => ({ message, at })),
    credential: both(row.credential, row.credential_at, (source, at) => ({ source, at })),
  }));
}

function both<One, Other, Result>(
  one: One | null,
  other: Other | null,
  made: (one: One, other: Other) => Result,
): Result | undefined {
  return one === null || other === null ? undefined : made(one, other);
}
