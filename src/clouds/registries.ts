import type { Cloud } from "./model.ts";

/** Names of hosts, without a port, that clouds give to the registries of their customers. */
export const cloudRegistries = {
  /** Google Artifact Registry, which also answers for the names of the former Container Registry. */
  artifactRegistry: /(?:^|\.)(?:gcr\.io|pkg\.dev)$/,
  /** Amazon's private registries: by account and region. */
  ecr: /^\d{12}\.dkr[.-]ecr(?:-fips)?\.[a-z0-9-]+\.(?:amazonaws\.com(?:\.cn)?|on\.aws)$/,
  ecrPublic: /^public\.ecr\.aws$/,
  azure: /\.azurecr\.(?:io|cn|us)$/,
} as const;

const ofClouds: Readonly<Record<Cloud, readonly RegExp[]>> = {
  google: [cloudRegistries.artifactRegistry],
  aws: [cloudRegistries.ecr, cloudRegistries.ecrPublic],
  azure: [cloudRegistries.azure],
};

/** Whether a host is known as a cloud's: only these, and those that settings name, are shown its tokens. */
export function isRegistryOf(cloud: Cloud, host: string): boolean {
  return ofClouds[cloud].some((pattern) => pattern.test(host));
}
