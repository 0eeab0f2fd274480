import { createHash, randomBytes } from "node:crypto";

/** 256 bits that nobody guesses, in characters that need no escape anywhere. */
export function newSecret(): string {
  return randomBytes(32).toString("base64url");
}

/**
 * What is kept of a secret. It has 256 bits, so nothing slower is needed; and because secrets are looked up by this, how long that
 * takes says nothing about them.
 */
export function secretHash(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}
