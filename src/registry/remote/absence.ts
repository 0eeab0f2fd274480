import type { Answer } from "../../http/index.ts";
import { isDigest, jsonIn, type Target } from "../../oci/index.ts";
import { RegistryError } from "../errors.ts";
import { refusal, saysAbsent, unproven } from "./answer.ts";
import { listRepository } from "./listing.ts";
import type { Remote } from "./remote.ts";

/**
 * What it means that a registry answered a `GET` for a tag or digest with something else than its manifest: the one
 * place where absence is decided. A `HEAD` decides nothing, for many things answer one with 404.
 *
 * - The registry says in its own words that it does not have it: it is absent.
 * - It says nothing (a bare 404), or that this is not allowed, as virtual repositories do for tags that they do not
 *   have: a tag is absent when the repository's list of tags can be read, is whole and does not name it.
 * - Anything else, above all a web page, tells of what stands before the registry, and nothing of the tag.
 *
 * @returns `undefined` for what is absent.
 * @throws {RegistryError} for what remains unknown.
 */
export async function absence(remote: Remote, target: Target, answer: Answer): Promise<undefined> {
  if (answer.status === 404 && saysAbsent(answer)) return undefined;
  if (isMute(remote, answer) && !isDigest(target) && (await isUnlisted(remote, target))) return undefined;
  if (answer.status === 404) throw unproven(remote, answer, "asking for an image", target);
  throw await refusal(remote, answer, "asking for an image", target);
}

/** Whether the registry itself has answered without a word about the tag. */
function isMute({ client }: Remote, { status, bytes, from }: Answer): boolean {
  if (from.origin !== client.endpoint.origin.origin) return false;
  if (status === 401 || status === 403) return true;
  return status === 404 && (bytes.length === 0 || jsonIn(Buffer.from(bytes).toString()) !== undefined);
}

/** Repositories that do not let us list their tags: none of them is asked again and again. */
const unlistable = new WeakSet<Remote>();

/** Whether the list of tags could be read as a whole and does not name it. */
async function isUnlisted(remote: Remote, tag: Target): Promise<boolean> {
  if (unlistable.has(remote)) return false;
  try {
    const listing = await listRepository(remote);
    return listing !== undefined && !listing.tags.some((listed) => listed === tag);
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    if (error.code === "unauthorized" || error.code === "denied") unlistable.add(remote);
    return false;
  }
}
