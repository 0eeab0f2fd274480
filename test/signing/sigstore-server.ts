import { createHash, X509Certificate } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { fulcioHandler } from "@sigstore/mock";
import { loggedBy, raw, type SigstoreWorld } from "../sigstore/world.ts";
import { serve } from "../support/scripted-server.ts";

/** A Sigstore of this process behind HTTP: what clients ask of Fulcio, Rekor 1 and 2 and a timestamp authority. */
export interface SigstoreServer {
  readonly origin: string;
  /** Paths that were asked, in order. */
  readonly asked: readonly string[];
  /** Bodies of entries that were written. */
  readonly logged: readonly { readonly kind: string; readonly apiVersion: string; readonly spec: unknown }[];
}

/** Says what is answered instead, where it is something. */
export type Disturbance = (
  path: string,
  times: number,
) =>
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string }
  | undefined;

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();

/** @param disturb Asked for each request, with the number of those to the same path so far. */
export async function serveSigstore(
  world: () => SigstoreWorld,
  disturb: Disturbance = () => undefined,
): Promise<SigstoreServer> {
  const asked: string[] = [];
  const logged: SigstoreServer["logged"][number][] = [];
  const written = new Map<string, object>();
  const log = async (body: SigstoreServer["logged"][number]) => {
    logged.push(body);
    return loggedBy(world(), body);
  };
  const server = await serve((request, response, { pathname }) => {
    const end = (status: number, type: string, content: string | Buffer, headers = {}) =>
      void response.writeHead(status, { "content-type": type, ...headers }).end(content);
    const answer = async (): Promise<void> => {
      const body = await bodyOf(request);
      asked.push(pathname);
      const disturbed = disturb(pathname, asked.filter((path) => path === pathname).length);
      if (disturbed !== undefined) {
        return end(disturbed.status, "text/plain", disturbed.body ?? "", disturbed.headers);
      }
      switch (pathname) {
        case "/api/v2/signingCert": {
          const issued = await fulcioHandler(world().ca).fn(body.toString());
          return end(issued.statusCode, "application/json", String(issued.response));
        }
        case "/api/v1/log/entries": {
          const proposed = JSON.parse(body.toString());
          const uuid = sha256(body).toString("hex");
          if (written.has(uuid))
            return end(409, "application/json", "{}", { location: `/api/v1/log/entries/${uuid}` });
          const entry = { [uuid]: await log(firstBody(proposed)) };
          written.set(uuid, entry);
          return end(201, "application/json", JSON.stringify(entry));
        }
        case "/api/v2/log/entries": {
          const { hashedRekordRequestV002: hashed } = JSON.parse(body.toString());
          return end(201, "application/json", JSON.stringify(await secondAnswer(hashed, log)));
        }
        case "/api/v1/timestamp": {
          const stamp = await world().tsa.timestamp({
            artifactHash: body.subarray(24, 56) as Buffer,
            hashAlgorithmOID: "2.16.840.1.101.3.4.2.1",
            nonce: 1,
            policyOID: "1.2.3.4",
          });
          return end(201, "application/timestamp-reply", raw(stamp));
        }
      }
      const entry = written.get(pathname.split("/").at(-1) ?? "");
      return entry === undefined
        ? end(404, "text/plain", "")
        : end(200, "application/json", JSON.stringify(entry));
    };
    answer().catch((error: unknown) => end(500, "text/plain", String(error)));
  });
  return { origin: server.origin, asked, logged };
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts);
}

/** What Rekor's first version writes of what is proposed: hashes in place of the content. */
function firstBody({ kind, apiVersion, spec }: { kind: string; apiVersion: string; spec: FirstSpec }) {
  if (kind !== "dsse") return { kind, apiVersion, spec };
  const { envelope: text, verifiers } = spec.proposedContent;
  const envelope = JSON.parse(text);
  const hash = (bytes: Buffer) => ({ algorithm: "sha256", value: sha256(bytes).toString("hex") });
  return {
    ...{ kind, apiVersion },
    spec: {
      envelopeHash: hash(Buffer.from(text)),
      payloadHash: hash(Buffer.from(envelope.payload, "base64")),
      signatures: [{ signature: envelope.signatures[0].sig, verifier: verifiers[0] }],
    },
  };
}

interface FirstSpec {
  readonly proposedContent: { readonly envelope: string; readonly verifiers: readonly string[] };
}

async function secondAnswer(
  hashed: { readonly digest: string; readonly signature: unknown },
  log: (body: SigstoreServer["logged"][number]) => ReturnType<typeof loggedBy>,
): Promise<object> {
  const data = { algorithm: "SHA2_256", digest: hashed.digest };
  const entry = await log({
    ...{ kind: "hashedrekord", apiVersion: "0.0.2" },
    spec: { hashedRekordV002: { data, signature: hashed.signature } },
  });
  const { inclusionProof: proof } = entry.verification;
  // As protocol buffers have it in JSON: 64-bit numbers are text, zeros and empty lists are left out.
  return {
    logIndex: String(entry.logIndex),
    logId: { keyId: Buffer.from(entry.logID, "hex").toString("base64") },
    kindVersion: { kind: "hashedrekord", version: "0.0.2" },
    inclusionProof: {
      treeSize: String(proof.treeSize),
      rootHash: Buffer.from(proof.rootHash, "hex").toString("base64"),
      checkpoint: { envelope: proof.checkpoint },
    },
    canonicalizedBody: entry.body,
  };
}

/** A token that nobody has signed: the authority of this process believes it. */
export function tokenOf(claims: Record<string, unknown>): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "none" })}.${part(claims)}.x`;
}

/** The subject of a certificate in an annotation. */
export function subjectIn(pem: string): string | undefined {
  return new X509Certificate(pem).subjectAltName;
}
