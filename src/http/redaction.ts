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

/** Parameters of the protocols that are spoken here, which tell what is asked for and open nothing. */
const tellingParameters: ReadonlySet<string> = new Set([
  ...["artifactType", "digest", "from", "last", "mount", "n", "tag"],
  ...["scope", "service"],
  ...["direction", "head", "base", "limit", "page", "per_page", "ref", "sha"],
]);

/** A secret that stands in a path by itself. */
const longWord = /[A-Za-z0-9+=_-]{24,}/g;

/** What parameters are called; what stands by itself may be a value. */
const parameterName = /^[A-Za-z_][\w.-]{0,31}$/;

/**
 * An address, fit to be shown: without who logs in, and without any parameter but those that are known to tell what is asked for.
 * Of others the names are shown, where they are names. Addresses of storage are signed there.
 */
export function shownUrl({ origin, pathname, search }: URL): string {
  const path = pathname
    .split("/")
    .map((part) => (part.match(longWord)?.some(looksRandom) ? "…" : part))
    .join("/");
  const parameters = search
    .slice(1)
    .split("&")
    .map((part) => {
      const [name = "", ...value] = part.split("=");
      if (tellingParameters.has(name)) return part;
      return value.length > 0 && parameterName.test(name) && !looksRandom(name) ? `${name}=…` : "…";
    });
  return `${origin}${path}${search === "" ? "" : `?${parameters.join("&")}`}`;
}

/** Headers whose values are shown: what is not known to be harmless may open something. */
const tellingHeaders =
  /^(?:accept(?:-encoding|-ranges)?|age|allow|cache-control|connection|content-(?:encoding|length|range|type)|date|docker-(?:content-digest|distribution-api-version)|expires|host|keep-alive|last-modified|link|location|oci-[a-z-]+|range|ratelimit[a-z-]*|retry-after|server|transfer-encoding|user-agent|vary|via|warning|www-authenticate|x-ratelimit-[a-z-]+|x-(?:[a-z]+-)*request-?id(?:-\d)?)$/;
const addressHeaders: ReadonlySet<string> = new Set(["location", "content-location"]);
const hidden = "[redacted]";

/**
 * The value of a header, fit to be shown: of who asks, the scheme alone; addresses as {@link shownUrl} has them; of headers that
 * nobody here knows, that they are there.
 * @param from What was asked, for addresses that go on from there.
 * @param secrets What the request carried.
 */
export function shownHeader(name: string, value: string, from: URL, secrets: readonly string[]): string {
  const address = (text: string): string =>
    URL.canParse(text, from.href) ? withoutSecrets(shownUrl(new URL(text, from)), secrets) : hidden;
  if (name === "authorization") return `${/^[A-Za-z]{1,16}(?= )/.exec(value)?.[0] ?? ""} ${hidden}`.trim();
  if (addressHeaders.has(name)) return address(value);
  if (!tellingHeaders.test(name)) return hidden;
  if (name === "link") {
    const links = [...value.matchAll(/<([^<>]*)>/g)].map(([, text = ""]) => `<${address(text)}>`);
    return links.length === 0 ? hidden : links.join(" ");
  }
  if (name !== "www-authenticate") return shownText(value, secrets);
  // What follows the scheme here is no credential.
  const [scheme = "", ...parameters] = value.split(" ");
  return `${shownText(scheme, secrets)} ${shownText(parameters.join(" "), secrets)}`;
}
