import type { Sql } from "../database/index.ts";
import type { NotificationSettings, Receiver } from "./model.ts";

/** Whom something is told, and what became of it. Where it goes is a secret, but for addresses of mail. */
export interface ReceiverState {
  /** The name of the settings, or `mailto:` and an address that a job names. */
  readonly name: string;
  readonly kind: Receiver["kind"];
  readonly to: readonly string[];
  /** Rules of the settings that name it. */
  readonly rules: readonly string[];
  /** The newest notification: when it was made, and what became of it. */
  readonly last:
    | {
        readonly at: Date;
        readonly state: "waiting" | "sent" | "failed";
        readonly failure: string | undefined;
      }
    | undefined;
  readonly sentAt: Date | undefined;
  /** Notifications that wait to be sent, or to be sent again. */
  readonly waiting: number;
  /** Since when it wants nothing any more, and why. */
  readonly off: { readonly since: Date; readonly reason: string } | undefined;
}

/** Receivers that only jobs name and that are listed. */
const maxNamedByJobs = 500;

interface Row {
  readonly receiver: string;
  readonly made_at: Date;
  readonly state: "waiting" | "sent" | "failed";
  readonly failure: string | null;
  readonly sent_at: Date | null;
  readonly waiting: number;
}

/** Receivers of the settings, and addresses of mail that something was told because jobs name them, by name. */
export async function listReceivers(
  sql: Sql,
  { receivers, rules }: NotificationSettings,
): Promise<readonly ReceiverState[]> {
  const rows = await sql.query<Row>(
    `SELECT receiver, made_at, state, failure, counted.sent_at, counted.waiting FROM notification
     JOIN (
       SELECT max(number) AS number, max(ended_at) FILTER (WHERE state = 'sent') AS sent_at,
         count(*) FILTER (WHERE state = 'waiting')::int AS waiting
       FROM notification GROUP BY receiver
     ) AS counted USING (number)
     WHERE receiver = ANY ($1::text[]) OR receiver LIKE 'mailto:%' ORDER BY made_at DESC LIMIT $2`,
    [receivers.map(({ name }) => name), receivers.length + maxNamedByJobs],
  );
  const off = await sql.query<{ receiver: string; off_since: Date; reason: string }>(
    "SELECT receiver, off_since, reason FROM notification_receiver",
  );
  const told = new Map(rows.map((row) => [row.receiver, row]));
  const offs = new Map(off.map((row) => [row.receiver, { since: row.off_since, reason: row.reason }]));
  const named = receivers.map(({ name, ...receiver }) => ({
    ...{ name, kind: receiver.kind, to: receiver.kind === "email" ? receiver.to : [] },
    rules: rules.filter(({ to }) => to.includes(name)).map((rule) => rule.name),
  }));
  const byJobs = rows
    .filter(({ receiver }) => receiver.startsWith("mailto:"))
    .map(({ receiver: name }) => ({
      ...{ name, kind: "email" as const, to: [name.slice("mailto:".length)], rules: [] },
    }));
  return [...named, ...byJobs]
    .map((receiver) => {
      const row = told.get(receiver.name);
      const last = row && { at: row.made_at, state: row.state, failure: row.failure ?? undefined };
      const counted = { sentAt: row?.sent_at ?? undefined, waiting: row?.waiting ?? 0 };
      return { ...receiver, last, ...counted, off: offs.get(receiver.name) };
    })
    .sort((one, other) => (one.name < other.name ? -1 : 1));
}
