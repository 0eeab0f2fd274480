import type { Answer } from "../../http/index.ts";
import { digestOf } from "../../oci/index.ts";
import { RegistryError } from "../errors.ts";
import { pushScope } from "../host/authorizer.ts";
import { refusal } from "./answer.ts";
import { type Remote, urlIn } from "./remote.ts";

/** A blob that is hardly anywhere: it is only asked for. */
const anyBlob = digestOf(new Uint8Array());

/**
 * Whether a push would be allowed. A blob is asked for (`HEAD`) with the scope of a push, which leaves nothing behind,
 * unlike an upload that is begun and cancelled. Whoever refuses that to credentials refuses the push; what is allowed is
 * in the token, where it can be read. A refusal without any credentials says nothing: whoever promotes may have some.
 */
export async function mayPush(remote: Remote): Promise<boolean | undefined> {
  const access = { path: remote.path, scopes: [pushScope(remote.path)] };
  const answer = await ask(remote, access);
  if (answer === "refused") {
    return (await remote.client.credentialSource(remote.path)) === undefined ? undefined : false;
  }
  if (answer.status !== 404 && answer.status >= 400)
    throw await refusal(remote, answer, "asking for leave to push");
  return remote.client.grants(access, "push");
}

async function ask(
  remote: Remote,
  access: { readonly path: string; readonly scopes: readonly string[] },
): Promise<Answer | "refused"> {
  try {
    const url = urlIn(remote, `blobs/${anyBlob}`);
    const answer = await remote.client.send({
      kind: "blob-head",
      method: "HEAD",
      url,
      access,
      where: remote.name,
    });
    return answer.status === 401 || answer.status === 403 ? "refused" : answer;
  } catch (error) {
    if (error instanceof RegistryError && error.code === "unauthorized") return "refused";
    throw error;
  }
}
