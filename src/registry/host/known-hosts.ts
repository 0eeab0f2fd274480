/** Names of hosts, without a port, that a provider gives to the registries of its customers. */
export const knownHosts = {
  /** Google Artifact Registry, which also answers for the names of the former Container Registry. */
  artifactRegistry: /(?:^|\.)(?:gcr\.io|pkg\.dev)$/,
  /** Amazon's private registries: by account and region. */
  ecr: /^\d{12}\.dkr[.-]ecr(?:-fips)?\.[a-z0-9-]+\.(?:amazonaws\.com(?:\.cn)?|on\.aws)$/,
  ecrPublic: /^public\.ecr\.aws$/,
  azure: /\.azurecr\.(?:io|cn|us)$/,
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
