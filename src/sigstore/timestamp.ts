import { RFC3161Timestamp } from "@sigstore/core";
import { failed } from "./refusal.ts";

/**
 * The answer of a timestamp authority (RFC 3161). The library takes times with no or three digits of a second's fraction; others
 * are as valid, for DER leaves out zeros at the end, so that its time is read here. Whole seconds count.
 * @throws for what is none.
 */
export function parseTimestamp(der: Uint8Array): RFC3161Timestamp {
  const stamp = RFC3161Timestamp.parse(Buffer.from(der));
  // TSTInfo { version, policy, messageImprint, serialNumber, genTime, … }
  const time = stamp.tstInfo.root.subs[4];
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.\d{1,9})?Z$/.exec(time?.value.toString("latin1") ?? "") ?? [];
  const signingTime = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (time?.tag.isGeneralizedTime() !== true || Number.isNaN(signingTime.getTime()))
    throw failed("its timestamp has no time");
  return Object.defineProperty(stamp, "signingTime", { value: signingTime });
}
