import type { Readable } from "node:stream";
import {
  acceptedManifests,
  bareMediaType,
  type Descriptor,
  type Digest,
  digestMatches,
  digestOf,
  formatReference,
  type ImageDocument,
  isDigest,
  isIndexType,
  isManifestType,
  limits,
  type RepositoryName,
  readImageContent,
  type Tag,
  type Target,
} from "../../oci/index.ts";
import { readBody } from "../body.ts";
import { RegistryError } from "../errors.ts";
import { pathOnEndpoint } from "../host/endpoint.ts";
import { abandon, type HostClient, type HostRequest, type HostResponse } from "../host/host-client.ts";
import type { Listing, PushOptions, PushOutcome, Repository } from "../repository.ts";
import { discard, readErrors, refusal } from "./answer.ts";
import { listRepository, offersManifests } from "./listing.ts";
import { recordReferrer, referrersOf } from "./referrers.ts";
import { uploadBlob } from "./upload.ts";
import { verifiedStream } from "./verified-stream.ts";

/** What the files of this folder share: one repository on one host, and how to talk about it. */
export interface Remote {
  readonly client: HostClient;
  readonly name: RepositoryName;
  /** Where the settings say it is. */
  readonly placed: RepositoryName;
  /** As it stands in URLs. */
  readonly path: string;
  url(rest: string): URL;
  send(request: Omit<HostRequest, "scopes"> & { readonly write?: boolean }): Promise<HostResponse>;
  refusal(response: HostResponse, doing: string, target?: Target): Promise<RegistryError>;
}

/** A repository on a registry, by the OCI distribution specification 1.1. */
export function createRemoteRepository(
  client: HostClient,
  name: RepositoryName,
  placed: RepositoryName,
): Repository {
  const slash = placed.indexOf("/");
  const path = pathOnEndpoint(client.endpoint, placed.slice(slash + 1));
  const remote: Remote = {
    client,
    name,
    placed,
    path,
    url: (rest) => new URL(`/v2/${path}/${rest}`, client.endpoint.origin),
    send: ({ write, ...request }) =>
      client.send({ ...request, scopes: [{ path, actions: write ? "pull,push" : "pull" }] }),
    refusal: (response, doing, target) => refusal(response, client, name, path, doing, target),
  };
  return {
    name,
    address: `${client.endpoint.host}/${path}`,
    host: client.endpoint.host,
    get listsManifests() {
      return offersManifests(client);
    },
    resolve: (target) => resolve(remote, target),
    fetch: (target) => fetchDocument(remote, target),
    open: (blob) => openBlob(remote, blob),
    list: (): Promise<Listing | undefined> => listRepository(remote),
    referrers: (subject, artifactType) => referrersOf(remote, subject, artifactType),
    has: (blob) => hasBlob(remote, blob),
    push: (blob, content, options): Promise<PushOutcome> =>
      uploadBlob(remote, blob, content, mountSource(client, options)),
    put: (document, tag) => putDocument(remote, document, tag),
    delete: (target) => deleteTarget(remote, target),
  };
}

/** The path to mount from; only repositories of the same registry can be. */
function mountSource(client: HostClient, options: PushOptions = {}): string | undefined {
  const from = options.mountFrom;
  if (from?.host !== client.endpoint.host) return undefined;
  return from.address.slice(from.address.indexOf("/") + 1);
}

const unknownCodes = new Set(["MANIFEST_UNKNOWN", "NAME_UNKNOWN", "NOT_FOUND", "BLOB_UNKNOWN"]);

async function resolve(remote: Remote, target: Target): Promise<Descriptor | undefined> {
  const response = await remote.send({
    kind: "resolve",
    method: "HEAD",
    url: remote.url(`manifests/${target}`),
    headers: { accept: acceptedManifests },
    follow: true,
  });
  if (response.status === 404) {
    await discard(response);
    return undefined;
  }
  if (response.status !== 200) throw await remote.refusal(response, "asking for an image", target);
  await discard(response);
  const stated = header(response, "docker-content-digest");
  const size = Number(header(response, "content-length"));
  if (stated === undefined || !isDigest(stated) || !Number.isSafeInteger(size)) {
    return (await fetchDocument(remote, target))?.descriptor;
  }
  if (isDigest(target) && stated !== target) throw lied(remote, target, stated);
  return { mediaType: bareMediaType(header(response, "content-type") ?? ""), digest: stated, size };
}

async function fetchDocument(remote: Remote, target: Target): Promise<ImageDocument | undefined> {
  const where = formatReference(remote.name, target);
  const response = await remote.send({
    kind: "manifest-get",
    method: "GET",
    url: remote.url(`manifests/${target}`),
    headers: { accept: acceptedManifests },
    follow: true,
  });
  if (response.status === 404) {
    await discard(response);
    return undefined;
  }
  if (response.status !== 200) throw await remote.refusal(response, "reading an image manifest", target);
  const bytes = await readBody(response.body, limits.manifestBytes, where);
  const mediaType = bareMediaType(header(response, "content-type") ?? "");
  if (!isManifestType(mediaType) && !isIndexType(mediaType)) {
    throw new RegistryError(
      "media-type-mismatch",
      `the registry serves it as ${JSON.stringify(mediaType)}, which is no image manifest`,
      { where },
    );
  }
  if (isDigest(target)) {
    if (!digestMatches(bytes, target)) throw lied(remote, target, digestOf(bytes));
    return { descriptor: { mediaType, digest: target, size: bytes.length }, bytes };
  }
  const stated = header(response, "docker-content-digest");
  if (stated !== undefined && isDigest(stated)) {
    if (!digestMatches(bytes, stated)) throw lied(remote, stated, digestOf(bytes));
    return { descriptor: { mediaType, digest: stated, size: bytes.length }, bytes };
  }
  return { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length }, bytes };
}

function lied(remote: Remote, wanted: Digest, got: string): RegistryError {
  return new RegistryError("digest-mismatch", `asked for ${wanted}, the registry gave ${got.slice(0, 140)}`, {
    where: `${remote.name}@${wanted}`,
    hint: "do not trust this registry's copy; look at what stands between it and this machine",
  });
}

async function openBlob(remote: Remote, blob: Descriptor): Promise<Readable> {
  const where = `${remote.name}@${blob.digest}`;
  const response = await remote.send({
    kind: "blob-get",
    method: "GET",
    url: remote.url(`blobs/${blob.digest}`),
    follow: true,
  });
  if (response.status === 404) {
    await discard(response);
    throw new RegistryError("blob-missing", `the registry does not have the blob ${blob.digest}`, { where });
  }
  if (response.status !== 200) throw await remote.refusal(response, "reading a blob", blob.digest);
  const length = header(response, "content-length");
  if (length !== undefined && Number(length) !== blob.size) {
    abandon(response);
    throw new RegistryError(
      "size-mismatch",
      `the blob has ${length} bytes, its descriptor says ${blob.size}`,
      { where },
    );
  }
  return verifiedStream(response.body, blob, remote.name);
}

async function hasBlob(remote: Remote, blob: Descriptor): Promise<boolean> {
  const response = await remote.send({
    kind: "blob-head",
    method: "HEAD",
    url: remote.url(`blobs/${blob.digest}`),
    follow: true,
  });
  if (response.status !== 200 && response.status !== 404)
    throw await remote.refusal(response, "asking for a blob", blob.digest);
  await discard(response);
  return response.status === 200;
}

async function putDocument(remote: Remote, document: ImageDocument, tag?: Tag): Promise<void> {
  const { descriptor, bytes } = document;
  const target: Target = tag ?? descriptor.digest;
  const response = await remote.send({
    kind: "manifest-put",
    method: "PUT",
    url: remote.url(`manifests/${target}`),
    headers: { "content-type": descriptor.mediaType, "content-length": String(bytes.length) },
    body: () => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    write: true,
  });
  if (response.status < 200 || response.status > 299) {
    if (response.status >= 400 && response.status < 500 && ![401, 403, 429].includes(response.status)) {
      const said = await readErrors(response);
      throw new RegistryError(
        "manifest-refused",
        `the registry refused the image manifest (${response.status})${said ? `: ${said.text}` : ""}`,
        {
          where: formatReference(remote.name, target),
          hint: said?.codes.some((code) => unknownCodes.has(code) || code === "MANIFEST_BLOB_UNKNOWN")
            ? "something it refers to is not there: run again"
            : undefined,
        },
      );
    }
    throw await remote.refusal(response, "putting an image manifest", target);
  }
  await discard(response);
  const stated = header(response, "docker-content-digest");
  if (stated !== undefined && stated !== descriptor.digest) throw lied(remote, descriptor.digest, stated);
  const { subject } = readImageContent(document, remote.name);
  if (subject !== undefined && header(response, "oci-subject") === undefined) {
    await recordReferrer(remote, subject.digest, document);
  }
}

async function deleteTarget(remote: Remote, target: Target): Promise<void> {
  const response = await remote.client.send({
    kind: "delete",
    method: "DELETE",
    url: remote.url(`manifests/${target}`),
    scopes: [{ path: remote.path, actions: "delete" }],
  });
  if (response.status === 404 || (response.status >= 200 && response.status < 300)) return discard(response);
  if (response.status === 405) {
    await discard(response);
    throw new RegistryError("unsupported", "the registry does not delete", {
      where: formatReference(remote.name, target),
    });
  }
  throw await remote.refusal(response, "deleting", target);
}

export function header(response: HostResponse, name: string): string | undefined {
  const value = response.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
