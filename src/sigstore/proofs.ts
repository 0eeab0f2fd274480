import type { RFC3161Timestamp } from "@sigstore/core";
import type { SignedEntity, TrustMaterial } from "@sigstore/verify";
import {
  entriesByLog,
  requireKeyInEntry,
  type TrustedLog,
  timeOfEntry,
  withCheckpointOf,
} from "./log-entry.ts";
import { failed } from "./refusal.ts";
import type { Signed } from "./signed.ts";
import { parseTimestamp } from "./timestamp.ts";

/** What came with a signature that the trusted root can say something of; the library verifies it. */
export interface Proofs {
  readonly tlogEntries: SignedEntity["tlogEntries"];
  readonly timestamps: SignedEntity["timestamps"];
  /** When logs and timestamp authorities say that they saw it; true only when all of it has been verified. */
  readonly times: readonly Date[];
  readonly logs: readonly TrustedLog[];
  /** How many are of logs and authorities that the trusted root does not list: they prove nothing here, and harm nothing. */
  readonly unknown: number;
}

/** Clocks of logs and of this machine may differ by so much. */
const skew = 10 * 60 * 1000;

/**
 * What of entries and timestamps can be verified, made ready for that.
 * @param der What signed it: the certificate, or the public key in SPKI's form.
 * @throws {SignatureRefusal} for what is wrong without any further proof.
 */
export function proofsOf(signed: Signed, der: Buffer, material: TrustMaterial, now: Date): Proofs {
  const { known, unknown } = entriesByLog(signed.entries, material.tlogs);
  const tlogEntries = known.map(({ entry, log }) => {
    requireKeyInEntry(entry, der);
    return withCheckpointOf(entry, log);
  });
  const stamps = signed.timestamps.map(parseTimestamp);
  const knownStamps = stamps.filter((stamp) => isOfAuthority(stamp, material.timestampAuthorities));
  const times = [
    ...tlogEntries.flatMap((entry) => timeOfEntry(entry) ?? []),
    ...knownStamps.map(({ signingTime }) => signingTime),
  ];
  for (const time of times) {
    if (!(time.getTime() <= now.getTime() + skew))
      throw failed(`it was signed in the future, at ${isoOf(time)}`);
  }
  const logs = known.map(({ log }) => log);
  for (const { validFor } of logs) {
    // A checkpoint has no time of its own, and the library does not ask whether its log was in service.
    const isInService = [...times, ...(times.length === 0 ? [now] : [])].every(
      (time) => validFor.start <= time && (times.length === 0 || time <= validFor.end),
    );
    if (!isInService) throw failed("the log that it is in was not in service then, says the trusted root");
  }
  return {
    tlogEntries,
    timestamps: [
      ...tlogEntries
        .filter((entry) => timeOfEntry(entry) !== undefined)
        .map((tlogEntry) => ({ $case: "transparency-log", tlogEntry }) as const),
      ...knownStamps.map((timestamp) => ({ $case: "timestamp-authority", timestamp }) as const),
    ],
    times,
    logs,
    unknown: unknown + stamps.length - knownStamps.length,
  };
}

function isOfAuthority(stamp: RFC3161Timestamp, authorities: TrustMaterial["timestampAuthorities"]): boolean {
  return authorities.some(({ certChain: [leaf] }) => {
    return leaf?.serialNumber.equals(stamp.signerSerialNumber) && leaf.issuer.equals(stamp.signerIssuer);
  });
}

/** A time for people; what is none is told, too. */
export function isoOf(time: Date): string {
  return Number.isNaN(time.getTime()) ? "no time" : time.toISOString();
}
