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

/**
 * Headers whose values are shown: what is not known to be harmless may open something. Of these are not: sessions, nonces,
 * signed addresses, keys, and names of uploads, which some stores let whoever knows them go on with.
 */
const tellingHeaders: ReadonlySet<string> = new Set([
  // HTTP itself.
  ...["accept", "accept-encoding", "accept-ranges", "age", "allow", "alt-svc", "cache-control", "connection"],
  ...["content-disposition", "content-encoding", "content-language", "content-length", "content-range"],
  ...[
    "content-type",
    "date",
    "etag",
    "expires",
    "host",
    "keep-alive",
    "last-modified",
    "link",
    "pragma",
    "range",
  ],
  ...["retry-after", "server", "server-timing", "transfer-encoding", "upgrade", "user-agent", "vary", "via"],
  ...["warning", "www-authenticate"],
  // What browsers are to do.
  ...["cross-origin-embedder-policy", "cross-origin-opener-policy", "cross-origin-resource-policy"],
  ...["permissions-policy", "referrer-policy", "strict-transport-security", "timing-allow-origin"],
  ...["x-content-type-options", "x-dns-prefetch-control", "x-download-options", "x-frame-options"],
  ...["x-permitted-cross-domain-policies", "x-robots-tag", "x-xss-protection"],
  // The distribution specification, and Docker before it.
  ...["oci-chunk-min-length", "oci-filters-applied", "oci-subject", "oci-tag"],
  ...["docker-content-digest", "docker-distribution-api-version", "docker-ratelimit-source"],
  // Stores of objects: Google, Amazon, Azure.
  ...["x-goog-generation", "x-goog-hash", "x-goog-metageneration", "x-goog-storage-class"],
  ...["x-goog-stored-content-encoding", "x-goog-stored-content-length", "x-cloud-trace-context"],
  ...["x-amz-bucket-region", "x-amz-cf-pop", "x-amz-delete-marker", "x-amz-replication-status"],
  ...["x-amz-server-side-encryption", "x-amz-storage-class", "x-amz-version-id"],
  ...["x-ms-blob-type", "x-ms-creation-time", "x-ms-error-code", "x-ms-lease-state", "x-ms-lease-status"],
  ...["x-ms-server-encrypted", "x-ms-version"],
  // Artifactory and Nexus.
  ...["x-artifactory-docker-registry", "x-artifactory-filename", "x-artifactory-id", "x-artifactory-node-id"],
  ...["x-checksum-md5", "x-checksum-sha1", "x-checksum-sha256", "x-jfrog-version"],
  // Forges.
  ...["github-authentication-token-expiration", "x-accepted-github-permissions", "x-accepted-oauth-scopes"],
  ...["x-github-api-version", "x-github-api-version-selected", "x-github-media-type", "x-oauth-scopes"],
  ...["x-hasmore", "x-next-page", "x-page", "x-per-page", "x-prev-page", "x-total", "x-total-count"],
  ...["x-total-pages"],
  // What stands before them.
  ...["cf-cache-status", "cf-mitigated", "cf-ray", "nel", "x-azure-ref", "x-cache", "x-cache-hits"],
  ...["x-envoy-upstream-service-time", "x-powered-by", "x-runtime", "x-served-by", "x-timer", "traceparent"],
]);

/** The same of families of headers; the numbers of requests and of their traces open nothing. */
const tellingFamilies =
  /^(?:access-control-[a-z-]+|(?:x-|x-ms-)?ratelimit[a-z-]*|x-amz-checksum-[a-z0-9]+|(?:x|cf)-(?:[a-z]+-)*(?:request|correlation|trace)-?id(?:-\d)?)$/;
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
  if (!tellingHeaders.has(name) && !tellingFamilies.test(name)) return hidden;
  if (name === "link") {
    const links = [...value.matchAll(/<([^<>]*)>/g)].map(([, text = ""]) => `<${address(text)}>`);
    return links.length === 0 ? hidden : links.join(" ");
  }
  if (name !== "www-authenticate") return shownText(value, secrets);
  // What follows the scheme here is no credential.
  const [scheme = "", ...parameters] = value.split(" ");
  return `${shownText(scheme, secrets)} ${shownText(parameters.join(" "), secrets)}`;
}
