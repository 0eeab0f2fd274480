import { withoutSecrets } from "../http/index.ts";

const maxLength = 400;

/**
 * What somebody else said, fit for a message: on one line, without control characters and secrets, at most 400
 * characters. Whatever a forge repeats of a request may hold the token.
 */
export function said(text: string, secrets: readonly string[]): string {
  const shown = withoutSecrets(text.slice(0, 16 * maxLength), secrets)
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ")
    .replaceAll(/\p{Cf}/gu, "")
    .replaceAll(/:\/\/[^/\s@]*@/g, "://")
    .replaceAll(/\b(?:gh[a-z]_|github_pat_|gl[a-z]+-)[\w-]{8,}/g, "[redacted]")
    .replaceAll(/ {2,}/g, " ")
    .trim();
  return shown.length > maxLength ? `${shown.slice(0, maxLength)}…` : shown;
}

/** A text cut to so many characters (UTF-16 units), with an ellipsis where something is left out. */
export function cutTo(length: number, text: string): string {
  if (text.length <= length) return text;
  const kept = text.slice(0, length - 1);
  // Half of a character is none.
  return `${/[\uD800-\uDBFF]$/.test(kept) ? kept.slice(0, -1) : kept}…`;
}
