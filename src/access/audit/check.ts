import * as z from "zod/mini";
import type { Database } from "../../database/index.ts";
import { type AuditFault, type AuditVerdict, verifyAuditLog } from "./audit-log.ts";
import type { AuditHead } from "./entry.ts";

/** Entries that one look reads: much less than a second's work, whatever the length of the log. */
const mostOfLook = 5_000;
/** Milliseconds from the end of one round to the beginning of the next: what was whole may have been changed since. */
const roundEach = 6 * 60 * 60_000;

/** How far a server has checked its own audit log. */
export interface AuditCheck {
  /** When entries were looked at last. */
  readonly at: Date;
  /** The last entry that this round has looked at. */
  readonly until: AuditHead | undefined;
  /** When this round has come to the end of the log; `undefined` while it is under way. */
  readonly doneAt: Date | undefined;
  /** When the log was last found to be whole up to its end, and which entry that was. */
  readonly whole: { readonly at: Date; readonly until: number } | undefined;
  /** What is wrong, until a whole round finds nothing. */
  readonly fault: AuditFault | undefined;
}

interface CheckRow {
  readonly at: Date;
  readonly until: AuditHead | null;
  /** The furthest end that was seen: a log that ends before it was cut off. */
  readonly noted: AuditHead | null;
  readonly done_at: Date | null;
  readonly whole_at: Date | null;
  readonly whole_until: string | null;
  readonly fault: AuditFault | null;
}

const faultSchema = z.object({
  number: z.number(),
  kind: z.enum(["changed", "missing", "reordered", "cut off"]),
  message: z.string(),
});

/**
 * Looks at the audit log from where the look before has ended, at so many entries; from its beginning again some hours after its end was
 * reached. Any number of processes may do it. Whoever can write to the database can change what is remembered of it as well: only a head
 * that was noted elsewhere is proof.
 * @param most Entries that are looked at.
 */
export async function checkAuditLog(db: Database, now: Date, most = mostOfLook): Promise<AuditCheck> {
  const [before] = await db.query<CheckRow>("SELECT * FROM audit_check");
  const isOver =
    before !== undefined && before.done_at !== null && now.getTime() - before.done_at.getTime() >= roundEach;
  const from = isOver ? undefined : (before?.until ?? undefined);
  const verdict = await verifyAuditLog(db, { from, noted: before?.noted ?? undefined, most });
  const next = nextRow(before, verdict, { from, now, most });
  // Of two that have looked at the same time, the first one counts.
  await db.query(
    `INSERT INTO audit_check (at, until, noted, done_at, whole_at, whole_until, fault)
     VALUES ($1, $2::jsonb, $3::jsonb, $4, $5, $6, $7::jsonb)
     ON CONFLICT (one) DO UPDATE SET at = excluded.at, until = excluded.until, noted = excluded.noted,
       done_at = excluded.done_at, whole_at = excluded.whole_at, whole_until = excluded.whole_until, fault = excluded.fault
     WHERE audit_check.at = $8`,
    [
      ...[next.at, next.until, next.noted, next.done_at, next.whole_at, next.whole_until, next.fault],
      before?.at,
    ],
  );
  return checkOf(next);
}

interface Looked {
  readonly from: AuditHead | undefined;
  readonly now: Date;
  readonly most: number;
}

function nextRow(
  before: CheckRow | undefined,
  { head, fault }: AuditVerdict,
  { from, now, most }: Looked,
): CheckRow {
  const noted = before?.noted ?? null;
  const whole = { whole_at: before?.whole_at ?? null, whole_until: before?.whole_until ?? null };
  // The next look begins anew: somebody may have mended it.
  if (fault !== undefined) return { at: now, until: null, noted, done_at: null, ...whole, fault };
  const last = head?.number ?? 0;
  const isDone = last - (from?.number ?? 0) < most;
  const furthest = noted !== null && noted.number > last ? noted : (head ?? null);
  const rest = { at: now, until: head ?? null, noted: furthest };
  if (!isDone) return { ...rest, done_at: null, ...whole, fault: before?.fault ?? null };
  // What has come since the end was reached is added to that round.
  const doneAt = from === undefined ? now : (before?.done_at ?? now);
  return { ...rest, done_at: doneAt, whole_at: now, whole_until: String(last), fault: null };
}

/** How the last look at the audit log went; `undefined` before the first one. */
export async function lastAuditCheck(db: Pick<Database, "query">): Promise<AuditCheck | undefined> {
  const [row] = await db.query<CheckRow>("SELECT * FROM audit_check");
  return row && checkOf(row);
}

function checkOf({ at, until, done_at: doneAt, whole_at: wholeAt, ...row }: CheckRow): AuditCheck {
  return {
    ...{ at, until: until ?? undefined, doneAt: doneAt ?? undefined },
    whole: wholeAt === null ? undefined : { at: wholeAt, until: Number(row.whole_until) },
    fault: row.fault === null ? undefined : faultSchema.parse(row.fault),
  };
}
