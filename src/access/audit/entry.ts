import { createHash } from "node:crypto";
import type { Json } from "./json.ts";

/** What somebody did, as it is told to the log. */
export interface AuditedAct {
  /** A verb of the server's, such as `run.abort` or `token.issue`. */
  readonly act: string;
  /** What it was done to, such as `run/1384977461019676672`. */
  readonly subject: string;
  readonly who: {
    /** `server`: what Waybill did by itself. */
    readonly kind: "anonymous" | "person" | "machine" | "server";
    readonly id: string;
    readonly name: string;
  };
  /** From where: an address, and the id of the request. */
  readonly from?:
    | { readonly address?: string | undefined; readonly request?: string | undefined }
    | undefined;
  readonly before?: Json | undefined;
  readonly after?: Json | undefined;
}

/** An entry of the log. */
export interface AuditEntry extends AuditedAct {
  /** Counted from 1, without a gap. */
  readonly number: number;
  /** ISO 8601. */
  readonly at: string;
  /** The hash of the entry before; {@link noHash} in the first one. */
  readonly previous: string;
}

/** What stands in for the hash of an entry before the first. */
export const noHash = "0".repeat(64);

/** The end of a log: whoever noted it elsewhere can tell later that nothing before it was changed or taken away. */
export interface AuditHead {
  readonly number: number;
  readonly hash: string;
}

/** `NUMBER:HASH`, as a head is noted by people. */
export function formatHead({ number, hash }: AuditHead): string {
  return `${number}:${hash}`;
}

/** What {@link formatHead} wrote; `undefined` when it is something else. */
export function parseHead(text: string): AuditHead | undefined {
  const [, number, hash] = /^([0-9]{1,15}):([0-9a-f]{64})$/.exec(text) ?? [];
  return number === undefined || hash === undefined ? undefined : { number: Number(number), hash };
}

/** The text of an entry, which is kept as it is: what a database makes of JSON would have another hash. */
export function entryText(entry: AuditEntry): string {
  return JSON.stringify(entry);
}

/** The hash of an entry's text, which has the hash of the one before in it. */
export function entryHash(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
