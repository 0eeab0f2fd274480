import type { TransparencyLogEntry } from "@sigstore/bundle";
import type { TrustMaterial } from "@sigstore/verify";
import * as z from "zod/mini";
import { boundedJson } from "./json.ts";
import { sigstoreLimits } from "./limits.ts";
import { failed, unverifiable } from "./refusal.ts";

/** A log that the trusted root lists. */
export type TrustedLog = TrustMaterial["tlogs"][number];

/**
 * What all logs are called when checkpoints are verified. The library takes the name that a checkpoint is signed with for a
 * regular expression and looks for it in the URL of the log: whoever writes checkpoints could let it run for hours, and private
 * logs whose origin is not their host would fail. The key counts, by its id; so all logs get this name.
 */
export const logName = "log";

/** Entries by whether the trusted root knows their log. */
export function entriesByLog(entries: readonly TransparencyLogEntry[], logs: readonly TrustedLog[]) {
  const known: { readonly entry: TransparencyLogEntry; readonly log: TrustedLog }[] = [];
  let unknown = 0;
  for (const entry of entries) {
    const log = logs.find(({ logID }) => logID.equals(entry.logId.keyId));
    if (log === undefined) unknown += 1;
    else known.push({ entry, log });
  }
  return { known, unknown };
}

/** When a log says that it took the entry in, where it has signed that: entries of Rekor's second version have no time. */
export function timeOfEntry({ inclusionPromise, integratedTime }: TransparencyLogEntry): Date | undefined {
  if (inclusionPromise === undefined || !/^[1-9][0-9]{0,11}$/.test(integratedTime)) return undefined;
  return new Date(Number(integratedTime) * 1000);
}

/**
 * The entry as the library can verify it: its checkpoint has only the signature of the log that the entry says it is in.
 * @throws {SignatureRefusal} when there is none.
 */
export function withCheckpointOf(entry: TransparencyLogEntry, { logID }: TrustedLog): TransparencyLogEntry {
  const { inclusionProof } = entry;
  if (inclusionProof === undefined) return entry;
  const note = inclusionProof.checkpoint?.envelope ?? "";
  const end = note.indexOf("\n\n");
  const lines = end < 0 ? [] : note.slice(end + 2).split("\n");
  const signature = lines
    .map((line) => /^\u2014 \S+ ([A-Za-z0-9+/=]+)$/.exec(line)?.[1] ?? "")
    .find((each) => Buffer.from(each, "base64").subarray(0, 4).equals(logID.subarray(0, 4)));
  if (signature === undefined) throw failed("the checkpoint of its log is not signed by that log");
  const envelope = `${note.slice(0, end)}\n\n\u2014 ${logName} ${signature}\n`;
  return { ...entry, inclusionProof: { ...inclusionProof, checkpoint: { envelope } } };
}

const pem = z.string().check(z.maxLength(sigstoreLimits.annotationBytes));
const keyBytes = z.object({ rawBytes: pem });
const verifier = z.object({ x509Certificate: z.optional(keyBytes), publicKey: z.optional(keyBytes) });

/** Where entries of each kind and version hold the key that they were logged with. */
const bodies = {
  "hashedrekord/0.0.1": z.pipe(
    z.object({ spec: z.object({ signature: z.object({ publicKey: z.object({ content: pem }) }) }) }),
    z.transform(({ spec }) => ({ pem: spec.signature.publicKey.content })),
  ),
  "dsse/0.0.1": z.pipe(
    z.object({ spec: z.object({ signatures: z.tuple([z.object({ verifier: pem })]) }) }),
    z.transform(({ spec }) => ({ pem: spec.signatures[0].verifier })),
  ),
  "intoto/0.0.2": z.pipe(
    z.object({
      spec: z.object({
        content: z.object({ envelope: z.object({ signatures: z.tuple([z.object({ publicKey: pem })]) }) }),
      }),
    }),
    z.transform(({ spec }) => ({ pem: spec.content.envelope.signatures[0].publicKey })),
  ),
  "hashedrekord/0.0.2": z.pipe(
    z.object({
      spec: z.object({ hashedRekordV002: z.object({ signature: z.object({ verifier }) }) }),
    }),
    z.transform(({ spec }) => spec.hashedRekordV002.signature.verifier),
  ),
  "dsse/0.0.2": z.pipe(
    z.object({
      spec: z.object({ dsseV002: z.object({ signatures: z.tuple([z.object({ verifier })]) }) }),
    }),
    z.transform(({ spec }) => spec.dsseV002.signatures[0].verifier),
  ),
};

/**
 * Refuses an entry that was logged with another key or certificate than the signature comes with: without that, the entry of
 * somebody else could stand for one's own (GHSA-whqx-f9j3-ch6m). Signature and digest are compared by the library.
 * @param der The certificate, or the public key in SPKI's form.
 * @throws {SignatureRefusal}
 */
export function requireKeyInEntry(
  { canonicalizedBody, kindVersion }: TransparencyLogEntry,
  der: Buffer,
): void {
  const kind = `${kindVersion.kind}/${kindVersion.version}`;
  if (!Object.hasOwn(bodies, kind))
    throw unverifiable(`entries of logs of the kind ${kind} are not known here`, "format");
  const body = bodies[kind as keyof typeof bodies].safeParse(
    boundedJson(canonicalizedBody, sigstoreLimits.bundleBytes, "its entry of a log"),
  );
  if (!body.success) throw failed(`its entry of a log is not as those of the kind ${kind} are`);
  const logged = keyOf(body.data);
  if (logged === undefined || !logged.equals(der))
    throw failed("the entry of the log was made with another key or certificate");
}

function keyOf(found: { readonly pem: string } | z.infer<typeof verifier>): Buffer | undefined {
  if (!("pem" in found)) {
    const raw = found.x509Certificate?.rawBytes ?? found.publicKey?.rawBytes;
    return raw === undefined ? undefined : Buffer.from(raw, "base64");
  }
  const [, body] =
    /-----BEGIN [A-Z ]+-----([\s\S]+?)-----END/.exec(Buffer.from(found.pem, "base64").toString()) ?? [];
  return body === undefined ? undefined : Buffer.from(body, "base64");
}
