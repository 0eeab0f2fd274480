import { join } from "node:path";
import { readRegular } from "../../disk/index.ts";

/**
 * Registries of this machine that texts name, as `host:port`. Docker takes those for registries without TLS; what is read
 * from them does not leave the machine.
 */
export function loopbackHosts(texts: readonly string[]): readonly string[] {
  const hosts = texts.flatMap((text) =>
    Array.from(
      text.matchAll(/(?<![\w.-])(?:127(?:\.\d{1,3}){3}|localhost|\[::1\]):\d{1,5}(?=\/)/g),
      ([host]) => host,
    ),
  );
  return [...new Set(hosts)];
}

/**
 * A `registries.conf` (containers-registries.conf(5)): the user's own, or that of the machine, with these hosts as registries
 * without TLS. What it says of them already stays. Names without a host are Docker Hub's, as in every build file, whatever
 * registries it would look for them in.
 */
export async function registriesConfig(
  hosts: readonly string[],
  environment: NodeJS.ProcessEnv,
): Promise<string> {
  const own = await firstText([
    environment.CONTAINERS_REGISTRIES_CONF,
    environment.HOME === undefined
      ? undefined
      : join(environment.XDG_CONFIG_HOME ?? join(environment.HOME, ".config"), "containers/registries.conf"),
    "/etc/containers/registries.conf",
  ]);
  const added = hosts
    .filter((host) => !own.includes(JSON.stringify(host)))
    .map((host) => `\n[[registry]]\nlocation = ${JSON.stringify(host)}\ninsecure = true\n`);
  return `${searchDockerHub}\n${own.replace(searched, "")}\n${added.join("")}`;
}

const searchDockerHub = 'unqualified-search-registries = ["docker.io"]';
const searched = /^[ \t]*unqualified-search-registries[ \t]*=[ \t]*\[[^\]]*\][^\n]*$/m;

/** Bytes of a configuration. */
const maxBytes = 1024 * 1024;

async function firstText(paths: readonly (string | undefined)[]): Promise<string> {
  for (const path of paths) {
    const bytes = path === undefined ? undefined : await readRegular(path, maxBytes).catch(() => undefined);
    if (bytes !== undefined) return bytes.toString();
  }
  return "";
}
