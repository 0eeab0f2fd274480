import * as z from "zod/mini";
import type { Sql } from "../../database/index.ts";
import { type AuditEntry, type AuditedAct, type AuditHead, entryHash, entryText, noHash } from "./entry.ts";

/** Bytes of an entry: what was before and after is told in short. */
const maxEntryBytes = 64 * 1024;

/**
 * Appends what somebody did. It is to be the last statement but one of the transaction that does it: either both happened, or neither.
 * From here to the end of that transaction nobody else appends.
 */
export async function appendAudit(sql: Sql, act: AuditedAct, now: Date): Promise<AuditHead> {
  await sql.query("SELECT pg_advisory_xact_lock(hashtext('waybill audit log'))");
  const last = (await auditHead(sql)) ?? { number: 0, hash: noHash };
  const number = last.number + 1;
  const entry = { number, at: now.toISOString(), ...act, previous: last.hash };
  const whole = entryText(entry);
  const text =
    Buffer.byteLength(whole) <= maxEntryBytes
      ? whole
      : entryText({ ...entry, before: undefined, after: "too large to be kept here" });
  const hash = entryHash(text);
  await sql.query("INSERT INTO audit_entry (number, entry, hash) VALUES ($1, $2, $3)", [number, text, hash]);
  return { number, hash };
}

interface EntryRow {
  readonly number: string;
  readonly entry: string;
  readonly hash: string;
}

/** The end of the log; `undefined` while it is empty. */
export async function auditHead(sql: Sql): Promise<AuditHead | undefined> {
  const [row] = await sql.query<Pick<EntryRow, "number" | "hash">>(
    "SELECT number::text AS number, hash FROM audit_entry ORDER BY audit_entry.number DESC LIMIT 1",
  );
  return row && { number: Number(row.number), hash: row.hash };
}

/** Which entries are listed. */
export interface AuditQuery {
  readonly subject?: string | undefined;
  readonly act?: string | undefined;
  /** The id of whoever did it. */
  readonly who?: string | undefined;
  readonly limit: number;
  /** Those before this number. */
  readonly before?: number | undefined;
}

const entrySchema = z.looseObject({
  number: z.number(),
  at: z.string(),
  act: z.string(),
  subject: z.string(),
  who: z.object({
    kind: z.enum(["anonymous", "person", "machine", "server"]),
    id: z.string(),
    name: z.string(),
  }),
  from: z.optional(z.object({ address: z.optional(z.string()), request: z.optional(z.string()) })),
  before: z.optional(z.json()),
  after: z.optional(z.json()),
  previous: z.string(),
});

/** Entries of the log, newest first, as they are: whether they are what was written, {@link verifyAuditLog} says. */
export async function listAudit(
  sql: Sql,
  { subject, act, who, limit, before }: AuditQuery,
): Promise<readonly (AuditEntry & { readonly hash: string })[]> {
  const rows = await sql.query<EntryRow>(
    `SELECT number::text AS number, entry, hash FROM audit_entry
     WHERE ($1::text IS NULL OR entry::jsonb ->> 'subject' = $1) AND ($2::bigint IS NULL OR number < $2)
       AND ($4::text IS NULL OR entry::jsonb ->> 'act' = $4) AND ($5::text IS NULL OR entry::jsonb #>> '{who,id}' = $5)
     ORDER BY audit_entry.number DESC LIMIT $3`,
    [subject, before, limit, act, who],
  );
  return rows.map(({ entry, hash }) => ({ ...entrySchema.parse(JSON.parse(entry)), hash }));
}

/** What is wrong with a log: the first thing, because nothing behind it can be believed. */
export interface AuditFault {
  /** The number of the entry. */
  readonly number: number;
  readonly kind: "changed" | "missing" | "reordered" | "cut off";
  readonly message: string;
}

/** What came of looking at a whole log. */
export interface AuditVerdict {
  readonly entries: number;
  /** The end of the log, to be noted elsewhere; `undefined` of an empty log. */
  readonly head: AuditHead | undefined;
  readonly fault: AuditFault | undefined;
}

const pageSize = 1_000;

/** What of a log is looked at. */
export interface AuditLook {
  /** An end of the log of an earlier day. */
  readonly noted?: AuditHead | undefined;
  /** The last entry that counts as looked at: what is behind it is; all without it. */
  readonly from?: AuditHead | undefined;
  /** Entries that are looked at, at most. */
  readonly most?: number | undefined;
}

/**
 * Reads the log and says whether it is the one that was written: each entry as it was hashed, each after the one that it names,
 * none missing. That the last ones were taken away, or all was written anew, can be seen only by a head that somebody has noted.
 */
export async function verifyAuditLog(
  sql: Sql,
  { noted, from, most = Number.POSITIVE_INFINITY }: AuditLook = {},
): Promise<AuditVerdict> {
  const lost = from && (await faultOfLookedAt(sql, from));
  if (lost !== undefined) return { entries: 0, head: undefined, fault: lost };
  let head = from;
  for (let left = most; left > 0; ) {
    const size = Math.min(pageSize, left);
    const rows = await sql.query<EntryRow>(
      `SELECT number::text AS number, entry, hash FROM audit_entry WHERE number > $1
       ORDER BY audit_entry.number LIMIT $2`,
      [head?.number ?? 0, size],
    );
    for (const row of rows) {
      const fault = faultOf(row, head) ?? faultOfNoted(row, noted);
      if (fault !== undefined) return { entries: head?.number ?? 0, head, fault };
      head = { number: Number(row.number), hash: row.hash };
    }
    left -= size;
    // That it goes on is known, and nothing of its end.
    if (left <= 0 && rows.length === size) return { entries: head?.number ?? 0, head, fault: undefined };
    if (rows.length < size) break;
  }
  const last = head?.number ?? 0;
  const isCut = noted !== undefined && noted.number > last;
  const message = `the log ends with entry ${last}, and entry ${noted?.number} was noted`;
  return {
    entries: last,
    head,
    fault: isCut ? { number: last + 1, kind: "cut off", message } : undefined,
  };
}

/** What was looked at before may have been taken away or written anew since. */
async function faultOfLookedAt(sql: Sql, { number, hash }: AuditHead): Promise<AuditFault | undefined> {
  const [row] = await sql.query<EntryRow>(
    "SELECT number::text AS number, entry, hash FROM audit_entry WHERE number = $1",
    [number],
  );
  if (row === undefined) {
    const message = `entry ${number} is not there any more, and was found to be whole before`;
    return { number, kind: "cut off", message };
  }
  return faultOfNoted(row, { number, hash });
}

function faultOf(row: EntryRow, before: AuditHead | undefined): AuditFault | undefined {
  const number = Number(row.number);
  const expected = (before?.number ?? 0) + 1;
  if (number !== expected) {
    const message =
      number - expected === 1
        ? `entry ${expected} is missing`
        : `entries ${expected} to ${number - 1} are missing`;
    return { number: expected, kind: "missing", message };
  }
  if (entryHash(row.entry) !== row.hash) {
    return {
      number,
      kind: "changed",
      message: `entry ${number} is not what was written: its hash is another`,
    };
  }
  const entry = parsed(row.entry);
  if (entry === undefined) {
    return { number, kind: "changed", message: `entry ${number} is no entry of this log` };
  }
  if (entry.number !== number) {
    const message = `entry ${number} is the one that was written as ${entry.number}`;
    return { number, kind: "reordered", message };
  }
  if (entry.previous !== (before?.hash ?? noHash)) {
    const message = `entry ${number} does not follow the entry before it, which was changed or replaced`;
    return { number, kind: "changed", message };
  }
  return undefined;
}

function faultOfNoted({ number, hash }: EntryRow, noted: AuditHead | undefined): AuditFault | undefined {
  if (noted === undefined || noted.number !== Number(number) || noted.hash === hash) return undefined;
  const message = `entry ${number} is not the one that was noted: it or one before it was written anew`;
  return { number: noted.number, kind: "changed", message };
}

function parsed(text: string): { readonly number: number; readonly previous: string } | undefined {
  try {
    const found = entrySchema.safeParse(JSON.parse(text));
    return found.success ? found.data : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
