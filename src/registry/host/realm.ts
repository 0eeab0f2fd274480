import { isLoopbackHost } from "./address.ts";

/** What decides whether a token service may see the credentials of a registry. */
export interface RealmRules {
  /** Scheme, host and port of the registry. */
  readonly registry: URL;
  /** Further origins that the user's settings trust for this registry. */
  readonly tokenOrigins: readonly string[];
}

/**
 * Token services that belong to a registry although their name does not show it. Registries whose realm is on their
 * own host (GitHub, Quay, Google, Azure, Harbor, JFrog) or on a sister host (GitLab, DigitalOcean) need no entry.
 */
const knownServices: readonly (readonly [registry: RegExp, service: (match: RegExpExecArray) => string])[] = [
  [/^registry-1\.docker\.io$/, () => "auth.docker.io"],
  [
    /^registry(?:-vpc|-internal)?\.([a-z0-9-]+)\.aliyuncs\.com$/,
    ([, region]) => `dockerauth.${region}.aliyuncs.com`,
  ],
];

/**
 * Domains below which strangers are neighbours: sharing one of them proves nothing. Country domains with a short
 * second level (`co.uk`, `com.au`) are told by their form.
 */
const sharedDomains: ReadonlySet<string> = new Set(
  (
    "aliyuncs.com amazonaws.com amazonaws.com.cn appspot.com awsapps.com azure.com azurecr.cn azurecr.io " +
    "azurecr.us azureedge.net azurefd.net azurewebsites.net backblazeb2.com cloudapp.net cloudflarestorage.com " +
    "cloudfront.net cloudfunctions.net digitaloceanspaces.com duckdns.org dyndns.org fly.dev gcr.io " +
    "githubusercontent.com github.io gitlab.io googleapis.com googleusercontent.com herokuapp.com jfrog.io " +
    "myqcloud.com netlify.app ngrok.app ngrok.io ngrok-free.app nip.io no-ip.org ocir.io onrender.com " +
    "oraclecloud.com pages.dev pkg.dev r2.dev railway.app render.com run.app scw.cloud sslip.io surge.sh " +
    "tencentcs.com trafficmanager.net ts.net vercel.app web.app windows.net workers.dev xip.io"
  ).split(" "),
);

/**
 * The URL of a token service, or why it must not be asked: in words that follow "the registry names a token service
 * that". Decided before any credential is looked up, because whoever answers for the registry chooses the realm
 * (CVE-2026-24845, CVE-2026-33540). Accepted are
 *
 * - HTTPS, or plain HTTP where the registry itself is spoken to in plain HTTP and the service is on the same host or,
 *   for a loopback registry, on loopback too;
 * - the registry's host (any port), a host below it, a host that shares its parent domain, a known service of that
 *   registry, or an origin of the settings.
 */
export function judgeRealm(
  realm: string,
  rules: RealmRules,
): { readonly url: URL } | { readonly fault: string } {
  const url = URL.canParse(realm, rules.registry.href) ? new URL(realm, rules.registry) : undefined;
  if (url === undefined) return { fault: "has no valid URL" };
  if (url.username !== "" || url.password !== "") return { fault: "has a password in its URL" };
  if (rules.tokenOrigins.some((origin) => URL.canParse(origin) && new URL(origin).origin === url.origin)) {
    return { url };
  }
  const trustedHost = belongs(url.hostname, rules.registry.hostname);
  if (url.protocol !== "https:" && !(url.protocol === "http:" && plainAllowed(url, rules.registry))) {
    return { fault: `is not reached by HTTPS (${url.origin})` };
  }
  return trustedHost ? { url } : { fault: `is on another host (${url.origin})` };
}

function plainAllowed(realm: URL, registry: URL): boolean {
  if (registry.protocol !== "http:") return false;
  return realm.hostname === registry.hostname || bothLoopback(realm.hostname, registry.hostname);
}

function bothLoopback(one: string, other: string): boolean {
  return isLoopbackHost(one) && isLoopbackHost(other);
}

function belongs(service: string, registry: string): boolean {
  if (service === registry || bothLoopback(service, registry)) return true;
  for (const [pattern, serviceOf] of knownServices) {
    const match = pattern.exec(registry);
    if (match !== null && serviceOf(match) === service) return true;
  }
  if (isUnder(service, registry) && !isShared(registry)) return true;
  const parent = registry.slice(registry.indexOf(".") + 1);
  return isDomain(registry) && !isShared(parent) && (service === parent || isUnder(service, parent));
}

function isUnder(host: string, domain: string): boolean {
  return isDomain(domain) && host.endsWith(`.${domain}`);
}

/** Whether it is a name of at least two labels, and no address. */
function isDomain(host: string): boolean {
  return /[a-z]/.test(host.slice(host.lastIndexOf(".") + 1)) && host.includes(".") && !host.includes(":");
}

/** Whether a domain is one that strangers share: a top-level domain, a country's second level, a hosting service. */
function isShared(domain: string): boolean {
  const labels = domain.split(".");
  if (labels.length < 2) return true;
  if (labels.length === 2 && /^[a-z]{2}$/.test(labels[1] ?? "") && /^[a-z]{1,3}$/.test(labels[0] ?? ""))
    return true;
  return [...sharedDomains].some((shared) => domain === shared || domain.endsWith(`.${shared}`));
}
