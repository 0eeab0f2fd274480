import { type FailureRecord, failureRecord, phrase, WaybillError } from "../../errors/index.ts";
import type { Digest, RepositoryName } from "../../oci/index.ts";
import type { Section } from "../plan.ts";
import type { Outcome } from "../section.ts";
import { type CompanionEdge, type PlannedTravel, referrersKind } from "./planned.ts";

/** Why an image waits: something that travels with it is not there. */
export type HeldBack = (destination: RepositoryName, image: Digest) => FailureRecord | undefined;

/**
 * Images wait for what travels with them, for an image that is there says that it is there, too: it could not be brought, or
 * nobody knows what there is. What is too much, or too large, keeps no image back: anybody who may push to staging could do that.
 * It hides nothing either: whatever else failed keeps the image back, and so the next run looks again.
 */
export function heldBack(sections: readonly Section[], outcomes: readonly Outcome[]): HeldBack {
  const waiting = new Map<string, FailureRecord>();
  const wait = (destination: RepositoryName, image: Digest, failure: FailureRecord | undefined): void => {
    const key = `${destination}@${image}`;
    if (failure === undefined || failure.code === "too-large" || waiting.has(key)) return;
    waiting.set(key, waitingFor(failure));
  };
  for (const { kind, items } of sections) {
    if (kind !== referrersKind) continue;
    for (const { destinations, image, companions } of items as readonly PlannedTravel[]) {
      for (const { verdict, failure } of companions) {
        if (verdict !== "unread") continue;
        for (const destination of destinations) wait(destination, image, failure);
      }
    }
  }
  for (const { kind, of, failure } of outcomes) {
    if (kind !== referrersKind) continue;
    const { destination, travel } = of as CompanionEdge;
    wait(destination, travel.image, failure);
  }
  return (destination, image) => waiting.get(`${destination}@${image}`);
}

function waitingFor({ message, where, hint }: FailureRecord): FailureRecord {
  const failure = new WaybillError(
    "companion-missing",
    phrase`it waits for what travels with it, which is not there: ${message}`,
    { where, hint: hint ?? "run again; what is not to travel can be left behind: trust.travel" },
  );
  return failureRecord(failure);
}
