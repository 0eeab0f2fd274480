import type { Answer } from "../../http/index.ts";
import { digestOf, type RepositoryName } from "../../oci/index.ts";
import { RegistryError } from "../errors.ts";
import { pushScope } from "../host/authorizer.ts";
import type { HostClient, HostRequest } from "../host/host-client.ts";
import type { PushOptions, Repository } from "../repository.ts";
import { refusal } from "./answer.ts";
import { hasBlob, probeBlob } from "./blob-presence.ts";
import { openBlob } from "./blobs.ts";
import { deleteTarget, fetchDocument, resolveTarget } from "./documents.ts";
import { listRepository, offersManifests } from "./listing.ts";
import { heardMissing } from "./missing-repository.ts";
import { confirmReferrers, isListedReferrer, putWithSubject, referrersOf } from "./referrers.ts";
import { type Remote, reading, remoteOf } from "./remote.ts";
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

/** A blob that is hardly anywhere: it is only asked for. */
const anyBlob = digestOf(new Uint8Array());

/**
 * Whether a push would be allowed. A blob is asked for (`HEAD`) with the scope of a push, which leaves nothing behind,
 * unlike an upload that is begun and cancelled. Whoever refuses that to credentials refuses the push; what is allowed is
 * in the token, where it can be read. A refusal without any credentials says nothing: whoever promotes may have some.
 */
async function mayPush(remote: Remote): Promise<boolean | undefined> {
  const scopes = [pushScope(remote.path)];
  const request = reading(remote, "blob-head", "HEAD", `blobs/${anyBlob}`, { scopes });
  const answer = await ask(remote, request);
  if (answer === "refused") {
    return (await remote.client.credentialSource(remote.path)) === undefined ? undefined : false;
  }
  if (answer.status !== 404 && answer.status >= 400)
    throw await refusal(remote, answer, "asking for leave to push");
  return remote.client.grants(request.access, "push");
}

async function ask({ client }: Remote, request: HostRequest): Promise<Answer | "refused"> {
  try {
    const answer = await client.send(request);
    return answer.status === 401 || answer.status === 403 ? "refused" : answer;
  } catch (error) {
    if (error instanceof RegistryError && error.code === "unauthorized") return "refused";
    throw error;
  }
}
