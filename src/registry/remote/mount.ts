import { headerOf } from "../../http/index.ts";
import { algorithmOf, type Descriptor } from "../../oci/index.ts";
import { pullScope, pushScope } from "../host/authorizer.ts";
import type { HostRequest } from "../host/host-client.ts";
import { givesBlob } from "./blob-presence.ts";
import { type Remote, urlIn } from "./remote.ts";
import { pushing, type UploadSession, uploadSession } from "./upload-session.ts";

/**
 * Mounts a blob from another repository of the host (distribution specification, "Mounting a blob from another
 * repository").
 * A mount only saves bytes: whatever else comes of it, the blob is uploaded.
 * @returns The session of an upload that the registry began instead, or `undefined` when it did neither.
 */
export async function mountBlob(
  remote: Remote,
  blob: Descriptor,
  from: string,
): Promise<UploadSession | "mounted" | undefined> {
  if (!remote.client.quirks.mounts) return undefined;
  const url = urlIn(remote, "blobs/uploads/");
  url.searchParams.set("mount", blob.digest);
  url.searchParams.set("from", from);
  const scopes = [pushScope(remote.path), ...(from === remote.path ? [] : [pullScope(from)])];
  const request: HostRequest = {
    ...pushing(remote, blob),
    kind: "mount",
    method: "POST",
    url,
    access: { path: remote.path, scopes },
    headers: { "content-length": "0" },
  };
  const answer = await remote.client.overlook("mount", remote.client.send(request));
  if (answer?.status === 201) return (await isReadable(remote, blob)) ? "mounted" : undefined;
  if (answer?.status !== 202 || headerOf(answer, "location") === undefined) return undefined;
  const session = async () => uploadSession(remote, answer);
  return remote.client.overlook("mount", session());
}

/**
 * Whether a blob can be read that was mounted. Registries of the Distribution project (2.8 and 3) mount one with a
 * SHA-512 under the name that they give it themselves, and do not find it afterwards.
 */
async function isReadable(remote: Remote, blob: Descriptor): Promise<boolean> {
  if (algorithmOf(blob.digest) === "sha256") return true;
  return (await remote.client.overlook("blob-get", givesBlob(remote, blob))) === true;
}
