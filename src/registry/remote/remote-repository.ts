import type { Answer } from "../../http/index.ts";
import {
  type Descriptor,
  type Digest,
  digestOf,
  type ImageDocument,
  type RepositoryName,
  splitRepository,
  type Tag,
  type Target,
} from "../../oci/index.ts";
import { RegistryError } from "../errors.ts";
import { pushScope } from "../host/authorizer.ts";
import { pathOnEndpoint } from "../host/endpoint.ts";
import type { HostClient, HostRequest } from "../host/host-client.ts";
import type {
  BlobContent,
  OpenOptions,
  PushOptions,
  PutOptions,
  Repository,
  ResolveOptions,
} from "../repository.ts";
import { refusal } from "./answer.ts";
import { hasBlob, probeBlob } from "./blob-presence.ts";
import { openBlob } from "./blobs.ts";
import { deleteTarget, fetchDocument, resolveTarget } from "./documents.ts";
import { listRepository, offersManifests } from "./listing.ts";
import { heardMissing } from "./missing-repository.ts";
import { confirmReferrers, isListedReferrer, putWithSubject, referrersOf } from "./referrers.ts";
import { type Remote, reading } from "./remote.ts";
import { uploadBlob } from "./upload.ts";

/**
 * A repository on a registry, by the OCI distribution specification 1.1. A class, because a large tree has thousands of
 * them: each is its one field.
 */
export class HostedRepository implements Repository {
  readonly #remote: Remote;

  /** @param placed Where the settings say it is. */
  constructor(client: HostClient, name: RepositoryName, placed: RepositoryName) {
    const { path } = splitRepository(placed);
    this.#remote = { client, name, path: pathOnEndpoint(client.endpoint, path) };
  }

  get name(): RepositoryName {
    return this.#remote.name;
  }

  get address(): string {
    return `${this.host}/${this.#remote.path}`;
  }

  get host(): string {
    return this.#remote.client.endpoint.host;
  }

  get mountsOnlyCommitted(): boolean {
    return this.#remote.client.quirks.mountsOnlyCommitted;
  }

  get listsManifests(): boolean {
    return offersManifests(this.#remote.client);
  }

  get missing(): RegistryError | undefined {
    return heardMissing(this.#remote);
  }

  get settling(): number {
    return this.#remote.client.settling;
  }

  resolve(target: Target, options?: ResolveOptions) {
    return resolveTarget(this.#remote, target, options);
  }

  fetch(target: Target) {
    return fetchDocument(this.#remote, target);
  }

  open(blob: Descriptor, options?: OpenOptions) {
    return openBlob(this.#remote, blob, options);
  }

  probe(blob: Descriptor) {
    return probeBlob(this.#remote, blob);
  }

  list() {
    return listRepository(this.#remote);
  }

  referrers(subject: Digest, artifactType?: string) {
    return referrersOf(this.#remote, subject, artifactType);
  }

  isListedReferrer(document: ImageDocument) {
    return isListedReferrer(this.#remote, document);
  }

  has(blob: Descriptor) {
    return hasBlob(this.#remote, blob);
  }

  mayPush() {
    return mayPush(this.#remote);
  }

  push(blob: Descriptor, content: BlobContent, options: PushOptions = {}) {
    const { inMemory = false, anew = false } = options;
    const mountFrom = mountSource(this.#remote.client, options);
    return uploadBlob(this.#remote, blob, content, { mountFrom, inMemory, anew });
  }

  put(document: ImageDocument, tags: Tag | readonly Tag[] = [], options: PutOptions = {}) {
    return putWithSubject(this.#remote, document, typeof tags === "string" ? [tags] : tags, options);
  }

  confirmReferrers() {
    return confirmReferrers(this.#remote);
  }

  delete(target: Target) {
    return deleteTarget(this.#remote, target);
  }
}

/** The path to mount from; only repositories of the same registry can be. */
function mountSource(client: HostClient, { mountFrom: from }: PushOptions): string | undefined {
  if (from?.host !== client.endpoint.host) return undefined;
  return from.address.slice(from.address.indexOf("/") + 1);
}

/**
 * Whether a push would be allowed. A blob is asked for (`HEAD`) with the scope of a push, which leaves nothing behind,
 * unlike an upload that is begun and cancelled. Whoever refuses that to credentials refuses the push; what is allowed is
 * in the token, where it can be read. A refusal without any credentials says nothing: whoever promotes may have some.
 */
async function mayPush(remote: Remote): Promise<boolean | undefined> {
  const scopes = [pushScope(remote.path)];
  // It is hardly anywhere, and only asked for.
  const anyBlob = digestOf(new Uint8Array());
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
