import { createHmac } from "node:crypto";
import { type ForgeSender, refused, type WebhookHeaders, type WebhookRefusal } from "./model.ts";
import { isAnySame } from "./secrets.ts";

/** What a request carries that proves who sent it, and how that is held against the secrets. */
export type Proof =
  | { readonly kind: "token"; readonly isOneOf: (secrets: readonly string[]) => boolean }
  | {
      readonly kind: "signature";
      /** @param signed What the sender signs: the raw body, or for some what a form holds. */
      readonly isBy: (secrets: readonly string[], signed: Uint8Array) => boolean;
      /** Seconds since 1970 at which it was signed, where that is signed too. */
      readonly signedAt?: number;
    };

/** Signatures in one header: each is tried against each secret, so that their number is bounded. */
const maxSignatures = 16;
const unsigned = refused(
  "unsigned",
  "the delivery is not signed: set the secret of the webhook at its sender",
);
const unreadable = refused(
  "wrong-signature",
  "the signature of the delivery is none of the form that its sender uses",
);

/**
 * The proof of a forge's delivery. A header of its own decides alone: a good one of those that it sends for the sake of
 * others does not make up for it. SHA-1 signatures are not taken.
 */
export function proofOfForge(sender: ForgeSender, headers: WebhookHeaders): Proof | WebhookRefusal {
  if (sender === "gitlab") {
    const token = headers.get("x-gitlab-token") ?? "";
    if (isStandard(headers)) return standardProof(headers);
    return token === "" ? unsigned : tokenProof([token]);
  }
  if (sender === "github") return hexProof(headers.get("x-hub-signature-256"), "sha256=");
  return hexProof(headers.get(sender === "forgejo" ? "x-forgejo-signature" : "x-gitea-signature"), "");
}

export function tokenProof(tokens: readonly string[]): Proof {
  return { kind: "token", isOneOf: (secrets) => isAnySame(tokens, secrets) };
}

/** An HMAC-SHA256 of the body in hexadecimal. Where no secret is set, the header is there and empty. */
function hexProof(header: string | null, prefix: string): Proof | WebhookRefusal {
  const text = header?.trim() ?? "";
  if (text === "" || text === prefix) return unsigned;
  const hex = text.startsWith(prefix) ? text.slice(prefix.length) : "";
  if (!/^[0-9a-f]{64}$/i.test(hex)) return unreadable;
  const given = [Buffer.from(hex, "hex")];
  return {
    kind: "signature",
    isBy: (secrets, signed) =>
      isAnySame(
        given,
        secrets.map((secret) => createHmac("sha256", secret).update(signed).digest()),
      ),
  };
}

/** Whether a request is signed as Standard Webhooks has it (https://www.standardwebhooks.com). */
export function isStandard(headers: WebhookHeaders): boolean {
  return headers.get("webhook-signature") !== null;
}

/** A list of `v1,` and the HMAC-SHA256 of `id.timestamp.body` in base64, of which one has to fit. */
export function standardProof(headers: WebhookHeaders): Proof | WebhookRefusal {
  const id = headers.get("webhook-id") ?? "";
  const timestamp = headers.get("webhook-timestamp") ?? "";
  const list = (headers.get("webhook-signature") ?? "").trim();
  if (list === "") return unsigned;
  const given = list
    .split(/ +/, maxSignatures)
    .flatMap((entry) =>
      /^v1,[A-Za-z0-9+/]{43}=$/.test(entry) ? [Buffer.from(entry.slice(3), "base64")] : [],
    );
  if (id === "" || !/^\d{1,12}$/.test(timestamp) || given.length === 0) return unreadable;
  const isBy = (secrets: readonly string[], signed: Uint8Array): boolean =>
    isAnySame(
      given,
      secrets
        .map(standardKey)
        // `whsec_` and nothing behind it is a key that everybody knows.
        .filter(({ length }) => length > 0)
        .map((key) => createHmac("sha256", key).update(`${id}.${timestamp}.`).update(signed).digest()),
    );
  return { kind: "signature", isBy, signedAt: Number(timestamp) };
}

/** `whsec_` announces a key in base64; any other secret is one as it stands. */
export function standardKey(secret: string): Buffer {
  return secret.startsWith("whsec_") ? Buffer.from(secret.slice(6), "base64") : Buffer.from(secret);
}
