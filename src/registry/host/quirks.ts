import type { HostSettings } from "../../settings/index.ts";
import { entryFor, knownHosts } from "./known-hosts.ts";

/** In what a registry differs from the distribution specification, as far as it matters for what is asked of it. */
export interface Quirks {
  /**
   * How the bytes of a blob go out after the `POST` that begins the upload: `whole` in the `PUT` that ends it,
   * `one-patch` in one `PATCH` before an empty `PUT`.
   */
  readonly upload: "whole" | "one-patch";
  /** Whether one blob may come in several `PATCH`es; where not, an upload that broke off begins anew. */
  readonly chunks: boolean;
  /** Bytes that one request may carry; a larger blob goes in chunks, of at most so many. Without it, any number. */
  readonly maxBodyBytes?: number;
  /** Whether it mounts blobs of its other repositories. */
  readonly mounts: boolean;
  /** It mounts a blob only once an image manifest of the repository it comes from refers to it. */
  readonly mountsOnlyCommitted: boolean;
  /** It takes a whole blob in one `POST` with `?digest=`, and answers that with 201. */
  readonly singlePost: boolean;
}

interface Entry {
  readonly hosts: RegExp;
  readonly quirks: Partial<Quirks>;
  /** Where it is written, by whoever runs the registry or has met it. */
  readonly sources: readonly string[];
}

const mebibyte = 2 ** 20;

const usual: Quirks = {
  upload: "whole",
  chunks: true,
  mounts: true,
  mountsOnlyCommitted: false,
  singlePost: false,
};

/** The first match decides. Hosts that keep to the specification, Docker Hub among them, have no entry. */
export const entries: readonly Entry[] = [
  {
    hosts: knownHosts.artifactRegistry,
    quirks: { chunks: false },
    sources: ["https://cloud.google.com/artifact-registry/docs/reference/docker-api"],
  },
  {
    // A chunk may have 4 MiB at most; a blob in one request, any size.
    hosts: knownHosts.gitHub,
    quirks: { chunks: false },
    sources: [
      "https://github.com/oras-project/rust-oci-client/issues/35",
      "https://github.com/oras-project/rust-oci-client/pull/37",
    ],
  },
  {
    // Mounts have to be switched on for the registry. They need leave to download the blob, and only what an image
    // refers to can be downloaded. The Range that answers a chunk may be an old one: it does not say where to go on.
    hosts: knownHosts.ecr,
    quirks: { chunks: false, mountsOnlyCommitted: true },
    sources: [
      "https://docs.aws.amazon.com/AmazonECR/latest/userguide/blob-mounting.html",
      "https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetDownloadUrlForLayer.html",
      "https://github.com/aws/containers-roadmap/issues/2831",
    ],
  },
  {
    hosts: knownHosts.ecrPublic,
    quirks: { chunks: false },
    sources: ["https://github.com/dotnet/sdk-container-builds/issues/472"],
  },
  {
    // "~20 MB" and a layer of 29 MB are what was refused with 413; a round number below.
    hosts: knownHosts.azure,
    quirks: { maxBodyBytes: 16 * mebibyte },
    sources: ["https://github.com/goharbor/harbor/issues/23015"],
  },
  {
    // A registry on Cloudflare's own domain; behind one with another name, only `chunkSize` helps.
    hosts: knownHosts.cloudflareWorkers,
    quirks: { maxBodyBytes: 95 * mebibyte },
    sources: ["https://developers.cloudflare.com/workers/platform/limits/"],
  },
  {
    hosts: knownHosts.quay,
    quirks: { singlePost: true },
    sources: ["https://github.com/quay/quay/blob/master/endpoints/v2/blob.py"],
  },
];

/**
 * The quirks of a host. What the user's settings say of it counts more than the table.
 * @param host `host[:port]` as {@link Endpoint} has it.
 */
export function quirksOf(host: string, { upload, chunkBytes }: HostSettings = {}): Quirks {
  return {
    ...usual,
    ...entryFor(entries, host)?.quirks,
    ...(upload !== undefined && { upload }),
    ...(chunkBytes !== undefined && { chunks: true, maxBodyBytes: chunkBytes }),
  };
}
