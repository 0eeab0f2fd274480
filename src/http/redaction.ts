const maxLength = 400;

const disguises: readonly ((secret: string) => string)[] = [
  (secret) => secret,
  (secret) => JSON.stringify(secret).slice(1, -1),
  (secret) => encodeURIComponent(secret),
  (secret) => Buffer.from(secret).toString("base64"),
];

/** A text without secrets that are known, in whatever form it repeats them. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  let shown = text;
  for (const secret of secrets) {
    if (secret === "") continue;
    for (const disguise of disguises) shown = shown.replaceAll(disguise(secret), "[redacted]");
  }
  return shown;
}

/**
 * What a program said, fit for a message: on one line, without control characters, at most 400 characters, and
 * without the given secrets or anything else that has the look of one.
 */
export function presentable(said: string, secrets: readonly string[]): string {
  const text = withoutSecrets(said.slice(0, 16 * maxLength), secrets)
    .replaceAll(/\p{Cc}+/gu, " ")
    .replaceAll(/:\/\/[^/\s@]*@/g, "://[redacted]@")
    .replaceAll(/\b(basic|bearer)\s+[^\s"',;]+/gi, "$1 [redacted]")
    .replaceAll(
      /(password|passwd|secret|token|api[_-]?key|access[_-]?key)(["']?\s*[=:]\s*["']?)[^\s"',;]+/gi,
      "$1$2[redacted]",
    )
    .replaceAll(/[A-Za-z0-9+/_=-]{24,}/g, (word) => (looksRandom(word) ? "[redacted]" : word))
    .replaceAll(/ {2,}/g, " ")
    .trim();
  return text.length > maxLength ? `${text.slice(0, maxLength)}…` : text;
}

function looksRandom(word: string): boolean {
  return /[0-9]/.test(word) && /[A-Z]/.test(word) && /[a-z]/.test(word);
}

/** Query strings: the signatures of storage URLs are in them. */
const query = /\?[^\s"'<>]*=[^\s"'<>]*/g;

/** Characters that change how text around them is shown. */
const invisible = /[\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Text of the outside, fit for a message: one line, bounded, no control characters, no secrets, no signed URLs. */
export function shownText(text: string, secrets: readonly string[]): string {
  return presentable(text.replaceAll(query, "?…").replaceAll(invisible, ""), secrets);
}
