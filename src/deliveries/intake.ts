import { type Database, DatabaseError } from "../database/index.ts";
import type { Delivery } from "../webhooks/index.ts";
import { type ArrivedDelivery, acceptDelivery, type KeptDelivery, keepDeliveries } from "./deliveries.ts";

/** Deliveries of one transaction. */
const maxTogether = 100;

interface Arrived extends ArrivedDelivery {
  readonly kept: (outcome: KeptDelivery) => void;
  readonly failed: (error: unknown) => void;
}

/**
 * Keeps deliveries as {@link acceptDelivery} does, those that come while others are written in one transaction with each other: a
 * commit takes as long for a hundred as for one, and senders give up after ten seconds.
 * @returns Keeps one: it outlives the process when it resolves.
 */
export function openIntake(db: Database): (delivery: Delivery, now?: Date) => Promise<KeptDelivery> {
  const arrived: Arrived[] = [];
  let isWriting = false;

  const writeTogether = async (those: readonly Arrived[]): Promise<void> => {
    try {
      const outcomes = await db.transaction((sql) => keepDeliveries(sql, those));
      for (const [at, { kept }] of those.entries()) kept(outcomes[at] ?? "known");
    } catch (error) {
      // What one delivery is refused for is not the others' fault; a database that is away is away for all of them.
      const isOfOne = error instanceof DatabaseError && refusals.has(error.code);
      for (const { delivery, at, kept, failed } of those) {
        if (isOfOne && those.length > 1) await acceptDelivery(db, delivery, at).then(kept, failed);
        else failed(error);
      }
    }
  };
  const write = async (): Promise<void> => {
    isWriting = true;
    while (arrived.length > 0) await writeTogether(arrived.splice(0, maxTogether));
    isWriting = false;
  };
  return (delivery, now = new Date()) =>
    new Promise((kept, failed) => {
      arrived.push({ delivery, at: now, kept, failed });
      if (!isWriting) void write();
    });
}

const refusals: ReadonlySet<DatabaseError["code"]> = new Set(["statement-failed", "conflict"]);
