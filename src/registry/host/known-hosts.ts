import { cloudRegistries } from "../../clouds/index.ts";

/** Names of hosts, without a port, that a provider gives to the registries of its customers. */
export const knownHosts = {
  ...cloudRegistries,
  cloudflareWorkers: /\.workers\.dev$/,
  gitHub: /^ghcr\.io$/,
  quay: /^quay\.io$/,
} as const;

/** The first entry that is about a host. @param host `host[:port]`, as endpoints have it. */
export function entryFor<Entry extends { readonly hosts: RegExp }>(
  entries: readonly Entry[],
  host: string,
): Entry | undefined {
  const name = host.replace(/:\d+$/, "");
  return entries.find(({ hosts }) => hosts.test(name));
}
