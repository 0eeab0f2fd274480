import type { RepositoryName } from "../../oci/index.ts";
import type { HostClient } from "../host/host-client.ts";
import type { PushOptions, Repository } from "../repository.ts";
import { hasBlob, probeBlob } from "./blob-presence.ts";
import { openBlob } from "./blobs.ts";
import { deleteTarget, fetchDocument, resolveTarget } from "./documents.ts";
import { listRepository, offersManifests } from "./listing.ts";
import { heardMissing } from "./missing-repository.ts";
import { confirmReferrers, isListedReferrer, putWithSubject, referrersOf } from "./referrers.ts";
import { remoteOf } from "./remote.ts";
import { mayPush } from "./rights.ts";
import { uploadBlob } from "./upload.ts";

/**
 * A repository on a registry, by the OCI distribution specification 1.1.
 * @param placed Where the settings say it is.
 */
export function createRemoteRepository(
  client: HostClient,
  name: RepositoryName,
  placed: RepositoryName,
): Repository {
  const remote = remoteOf(client, name, placed);
  return {
    name,
    address: `${client.endpoint.host}/${remote.path}`,
    host: client.endpoint.host,
    mountsOnlyCommitted: client.quirks.mountsOnlyCommitted,
    get listsManifests() {
      return offersManifests(client);
    },
    get missing() {
      return heardMissing(remote);
    },
    resolve: (target, options) => resolveTarget(remote, target, options),
    fetch: (target) => fetchDocument(remote, target),
    open: (blob, options) => openBlob(remote, blob, options),
    probe: (blob) => probeBlob(remote, blob),
    list: () => listRepository(remote),
    referrers: (subject, artifactType) => referrersOf(remote, subject, artifactType),
    isListedReferrer: (document) => isListedReferrer(remote, document),
    has: (blob) => hasBlob(remote, blob),
    mayPush: () => mayPush(remote),
    push: (blob, content, options = {}) => {
      const { inMemory = false, anew = false } = options;
      return uploadBlob(remote, blob, content, { mountFrom: mountSource(client, options), inMemory, anew });
    },
    put: (document, tags = []) => putWithSubject(remote, document, typeof tags === "string" ? [tags] : tags),
    confirmReferrers: () => confirmReferrers(remote),
    delete: (target) => deleteTarget(remote, target),
  };
}

/** The path to mount from; only repositories of the same registry can be. */
function mountSource(client: HostClient, { mountFrom: from }: PushOptions): string | undefined {
  if (from?.host !== client.endpoint.host) return undefined;
  return from.address.slice(from.address.indexOf("/") + 1);
}
