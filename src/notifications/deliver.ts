import type { Database } from "../database/index.ts";
import { messageOf } from "../errors/index.ts";
import type { NotificationSettings, Telling } from "./model.ts";
import { type OutboxEntry, type Sent, settle, takeDue } from "./outbox.ts";
import { rulesFor } from "./rules.ts";
import { prepare, type SenderOptions } from "./send/senders.ts";

/** Receivers that are told at the same time: one that is slow keeps nobody waiting. */
const atOnce = 4;

/**
 * Sends what is due. A receiver gets each notification once, or again under the same name when nobody knows whether it arrived; one
 * that says that it is gone gets nothing more until its address is another. Several processes may do it.
 * @returns How many were tried.
 */
export async function sendDue(db: Database, options: SenderOptions): Promise<number> {
  let tried = 0;
  const one = async (): Promise<void> => {
    for (;;) {
      const next = await takeDue(db, options.now());
      if (next === undefined) return;
      tried += 1;
      await settle(db, next, await sendOne(db, options, next), options.now());
    }
  };
  await Promise.all(Array.from({ length: atOnce }, one));
  return tried;
}

async function sendOne(db: Database, options: SenderOptions, next: OutboxEntry): Promise<Sent> {
  const { receiver } = next;
  try {
    const prepared = await prepare(options, receiver, next);
    const [off] = await db.query<{ readonly reason: string }>(
      "SELECT reason FROM notification_receiver WHERE receiver = $1 AND address = $2",
      [receiver, prepared.mark],
    );
    if (off !== undefined) return { state: "failed", failure: `it is switched off: ${off.reason}` };
    const sent = await prepared.send();
    if (sent.state === "gone") {
      await db.query(
        `INSERT INTO notification_receiver (receiver, address, off_since, reason) VALUES ($1, $2, $3, $4)
         ON CONFLICT (receiver) DO UPDATE SET address = excluded.address, off_since = excluded.off_since, reason = excluded.reason`,
        [receiver, prepared.mark, options.now(), sent.failure],
      );
    }
    return sent;
  } catch (error) {
    return { state: "again", failure: messageOf(error) };
  }
}

/** What a rule would send to whom. */
export interface NotificationPreview {
  readonly rule: string;
  readonly receiver: string;
  /** Where it goes, without what is secret of it. */
  readonly to: string;
  readonly body: string;
}

/**
 * What would be told of a job, to whom, and in which words, if it came to it, of a run that there is not: nothing is sent.
 * @throws {NotificationError} for a receiver that cannot be told anything.
 */
export async function previewTelling(
  options: SenderOptions,
  wishes: Parameters<typeof rulesFor>[1],
  telling: Telling,
): Promise<readonly NotificationPreview[]> {
  const at = options.now().toISOString();
  const found: NotificationPreview[] = [];
  const applied = rulesFor(options.settings, wishes).filter(({ when }) => when.includes(telling));
  for (const { name: rule, policy, to } of applied) {
    const summary = "what its run says of its end";
    const job = { job: wishes.job, run: "0", summary, since: at, failures: policy.failures };
    const notification = { id: "preview", telling, cause: summary, jobs: [job], at };
    for (const receiver of to) {
      const prepared = await prepare(options, receiver, notification);
      found.push({ rule, receiver, to: prepared.to, body: prepared.body });
    }
  }
  return found;
}

/** Names of receivers that rules name and that are not there. */
export function missingReceivers({ rules, receivers }: NotificationSettings): readonly string[] {
  const known = new Set(receivers.map(({ name }) => name));
  return [...new Set(rules.flatMap(({ to }) => to))].filter(
    (name) => !known.has(name) && !name.startsWith("mailto:"),
  );
}
