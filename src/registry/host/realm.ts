/**
 * Registries whose token service is on another origin, as they themselves name it in their challenges. All others are
 * their own (GitHub, Quay, Google, Azure, Amazon's public one, Harbor, JFrog, Red Hat, Gitea), ask for a password
 * (Amazon ECR), or are named in the settings.
 */
const knownServices: readonly (readonly [registry: RegExp, service: string])[] = [
  // https://distribution.github.io/distribution/spec/auth/token/
  [/^registry-1\.docker\.io$/, "auth.docker.io"],
  // https://docs.gitlab.com/user/packages/container_registry/authenticate_with_container_registry/
  [/^registry\.gitlab\.com$/, "gitlab.com"],
  // https://docs.digitalocean.com/products/container-registry/
  [/^registry\.digitalocean\.com$/, "api.digitalocean.com"],
  // https://www.elastic.co/guide/en/elasticsearch/reference/current/docker.html
  [/^docker\.elastic\.co$/, "docker-auth.elastic.co"],
  // https://www.scaleway.com/en/docs/container-registry/
  [/^rg\.[a-z]+-[a-z]+\.scw\.cloud$/, "api.scaleway.com"],
  // https://help.aliyun.com/zh/acr/ (and, for the addresses, its list of those that a node of a cluster needs)
  [
    /^registry(?:-vpc|-internal|-intl)?\.cn-zhangjiakou\.aliyuncs\.com$/,
    "dockerauth-cn-zhangjiakou.aliyuncs.com",
  ],
  [/^[a-z0-9-]+-registry\.cn-zhangjiakou\.cr\.aliyuncs\.com$/, "dockerauth-cn-zhangjiakou.aliyuncs.com"],
  [/^registry(?:-vpc|-internal|-intl)?\.([a-z0-9-]+)\.aliyuncs\.com$/, "dockerauth.$1.aliyuncs.com"],
  [/^[a-z0-9-]+-registry(?:-vpc)?\.([a-z0-9-]+)\.cr\.aliyuncs\.com$/, "dockerauth-ee.$1.aliyuncs.com"],
];

/**
 * The URL of a token service, or why it must not be asked. Decided before any credential is looked up, because whoever
 * answers for the registry chooses the realm (CVE-2026-24845, CVE-2026-33540). Accepted are the registry's own origin
 * (scheme, host and port), the known service of a known registry, and the origins of the settings; nothing else, as
 * neither a port of the same host, nor loopback, nor a neighbor in the same domain need be run by the same people.
 * @param tokenOrigins Further origins that the user's settings trust for this registry.
 * @returns `fault` in words that follow "the registry names a token service that", and the origin, when naming it in the
 * settings would allow it.
 */
export function judgeRealm(
  realm: string,
  registry: URL,
  tokenOrigins: readonly string[],
): { readonly url: URL } | { readonly fault: string; readonly origin: string | undefined } {
  const url = URL.canParse(realm, registry.href) ? new URL(realm, registry) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    return { fault: "has no valid URL", origin: undefined };
  }
  if (url.username !== "" || url.password !== "") {
    return { fault: "has a password in its URL", origin: undefined };
  }
  const trusted = [registry.origin, knownOrigin(registry), ...tokenOrigins];
  if (trusted.some((origin) => origin !== undefined && originOf(origin) === url.origin)) return { url };
  return url.protocol === "https:"
    ? { fault: `is on another origin (${url.origin})`, origin: url.origin }
    : { fault: `is not reached by HTTPS (${url.origin})`, origin: url.origin };
}

function knownOrigin({ origin, hostname }: URL): string | undefined {
  // What listens on another port, or in plain HTTP, is not what the table speaks of.
  if (origin !== `https://${hostname}`) return undefined;
  const [pattern, service] = knownServices.find(([registry]) => registry.test(hostname)) ?? [];
  return pattern === undefined || service === undefined
    ? undefined
    : `https://${hostname.replace(pattern, service)}`;
}

function originOf(text: string): string | undefined {
  return URL.canParse(text) ? new URL(text).origin : undefined;
}
