import type { Descriptor } from "../../oci/index.ts";
import { RegistryError } from "../errors.ts";
import { pullScope, pushScope } from "../host/authorizer.ts";
import type { HostRequest } from "../host/host-client.ts";
import { refusal } from "./answer.ts";
import { type Remote, urlIn } from "./remote.ts";
import { pushing, type UploadSession, uploadSession } from "./upload-session.ts";

/**
 * Mounts a blob from another repository of the host (distribution specification, "Mounting a blob from another
 * repository").
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
  // Leave to push is not leave to mount: where the one is denied, the other is still tried.
  const answer = await remote.client.send(request).catch((error: unknown) => {
    if (error instanceof RegistryError && error.code === "unauthorized") return undefined;
    throw error;
  });
  if (answer?.status === 201) return "mounted";
  if (answer?.status === 202) return uploadSession(remote, answer);
  if (answer === undefined || [400, 401, 403, 404, 405].includes(answer.status)) return undefined;
  throw await refusal(remote, answer, "mounting a blob", blob.digest);
}
