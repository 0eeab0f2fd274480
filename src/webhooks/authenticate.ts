import { payloadOf } from "./body.ts";
import { type Recognized, refused, type WebhookHeaders, type WebhookRefusal } from "./model.ts";
import { recognize } from "./recognize.ts";
import { isStandard, type Proof, proofOfForge, standardProof, tokenProof } from "./signature.ts";

/** A place that deliveries are sent to. */
export interface WebhookSource {
  /** Its name, which is a part of its address. */
  readonly name: string;
  /** Any of them is right: while a secret is replaced, both are. */
  readonly secrets: readonly string[];
}

/** A request before its body is read. */
export interface WebhookRequest {
  readonly headers: WebhookHeaders;
  /** The secret that stands in the address, for senders that can send no header. */
  readonly addressToken?: string | undefined;
}

/** A request that may go on. */
export interface Admitted {
  readonly recognized: Recognized;
  /** Bytes of its body, beyond which it is refused as `too-large`. */
  readonly maxBytes: number;
  /** Whether the signature is that of the body, as it came; `undefined` when it is. */
  verify(body: Uint8Array): WebhookRefusal | undefined;
}

const maxForgeBytes = 25 * 1024 * 1024;
const maxRegistryBytes = 1024 * 1024;
/** Seconds that the signed time of a delivery may be away from now (Standard Webhooks, "Verifying webhook authenticity"). */
const tolerance = 300;

/**
 * Judges a request by its headers, so that of one that carries no proof, a wrong token or an old time not a byte is read. What is signed is
 * judged by {@link Admitted.verify} afterwards.
 * @param now Milliseconds since 1970.
 */
export function authenticate(
  request: WebhookRequest,
  { secrets }: WebhookSource,
  now: number,
): Admitted | WebhookRefusal {
  const usable = secrets.filter((secret) => secret !== "");
  if (usable.length === 0) {
    return refused("no-secret", "no secret is configured here, and nothing unsigned is taken");
  }
  const { headers } = request;
  const recognized = recognize(headers);
  const { sender } = recognized;
  const proof = sender === "registry" ? proofOfRegistry(request) : proofOfForge(sender, headers);
  if ("code" in proof) return proof;
  const wrong = refused("wrong-signature", "the delivery was not made with a secret that is configured here");
  if (proof.kind === "token" && !proof.isOneOf(usable)) return wrong;
  const signedAt = proof.kind === "signature" ? proof.signedAt : undefined;
  if (signedAt !== undefined && Math.abs(now / 1000 - signedAt) > tolerance) {
    return refused("stale", `the delivery was signed more than ${tolerance} seconds before or after now`);
  }
  return {
    recognized,
    maxBytes: sender === "registry" ? maxRegistryBytes : maxForgeBytes,
    verify(body) {
      if (proof.kind === "token") return undefined;
      // Of a form, these two sign what it holds; all others the body as it is.
      const signed = sender === "gitea" || sender === "forgejo" ? payloadOf(headers, body) : body;
      return proof.isBy(usable, signed) ? undefined : wrong;
    },
  };
}

/** What registries carry: a signature where somebody signs for them, else a secret in a header or in the address. */
function proofOfRegistry({ headers, addressToken }: WebhookRequest): Proof | WebhookRefusal {
  if (isStandard(headers)) return standardProof(headers);
  const authorization = headers.get("authorization")?.trim() ?? "";
  const tokens = [
    ...(authorization === "" ? [] : credentialsIn(authorization)),
    headers.get("x-waybill-token") ?? "",
    addressToken ?? "",
  ].filter((token) => token !== "");
  return tokens.length > 0
    ? tokenProof(tokens)
    : refused("unsigned", "the delivery carries no secret, in a header or in its address");
}

/** The secret of `Authorization`: a bearer's, a password with or without its user, or the header as it was typed (Harbor). */
function credentialsIn(authorization: string): string[] {
  const [, scheme = "", rest = ""] = /^(\S+) +(\S+)$/.exec(authorization) ?? [];
  if (scheme.toLowerCase() === "bearer") return [rest, authorization];
  if (scheme.toLowerCase() !== "basic") return [authorization];
  const pair = Buffer.from(rest, "base64").toString("utf8");
  return [pair, pair.slice(pair.indexOf(":") + 1), authorization];
}
