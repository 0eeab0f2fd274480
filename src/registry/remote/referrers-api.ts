import * as z from "zod/mini";
import { phrase } from "../../errors/index.ts";
import { type Answer, headerOf } from "../../http/index.ts";
import {
  type Descriptor,
  type Digest,
  describeBytes,
  imageContentIn,
  jsonIn,
  limits,
  mediaTypes,
} from "../../oci/index.ts";
import type { RegistryError } from "../errors.ts";
import { refusal } from "./answer.ts";
import { nextPage, pages } from "./pagination.ts";
import { failed, type Remote, reading, urlIn } from "./remote.ts";

export type ApiAnswer =
  | {
      readonly kind: "list";
      readonly entries: readonly Descriptor[];
      /** The registry says that it has left out what has another artifact type. */
      readonly filtered: boolean;
    }
  /** The registry has no such API, or no such repository. */
  | { readonly kind: "no-api" }
  /** Something answers in its place that is no list: the registry's own page, a proxy, a login form. */
  | { readonly kind: "no-list"; readonly error: RegistryError };

/** What registries answer that do not know the path. */
const unknownPath: ReadonlySet<number> = new Set([400, 404, 405, 406, 410, 501]);

/**
 * Asks the referrers API (distribution specification, "Listing Referrers"), all pages. A list of which a page is
 * missing is no list.
 * @throws {RegistryError} when it cannot be read as a whole.
 */
export async function askReferrersApi(
  remote: Remote,
  subject: Digest,
  artifactType?: string,
): Promise<ApiAnswer> {
  const first = urlIn(remote, `referrers/${subject}`);
  if (artifactType !== undefined) first.searchParams.set("artifactType", artifactType);
  const entries: Descriptor[] = [];
  let filtered = true;
  let instead: ApiAnswer = { kind: "no-api" };
  let pagesRead = 0;
  const more = { headers: { accept: mediaTypes.ociIndex }, target: subject, follow: true } as const;
  const read = async (url: URL) => {
    const request = reading(remote, "referrers", "GET", url, more);
    const answer = await remote.client.send(request, limits.manifestBytes);
    if (pagesRead === 0 && unknownPath.has(answer.status)) return undefined;
    if (answer.status !== 200) throw await refusal(remote, answer, "listing referrers", subject);
    const listed = entriesIn(answer);
    if (listed === undefined) {
      const error = noList(remote, subject, answer);
      if (pagesRead > 0) throw error;
      instead = { kind: "no-list", error };
      return undefined;
    }
    return { page: { listed, isFiltered: appliesFilter(answer) }, next: nextPage(answer, url, remote.name) };
  };
  for await (const { listed, isFiltered } of pages(first, remote.name, read)) {
    pagesRead += 1;
    filtered &&= isFiltered;
    entries.push(...listed);
    if (entries.length <= limits.closureDescriptors) continue;
    const message = phrase`${subject} has more than ${limits.closureDescriptors} referrers`;
    throw failed(remote, undefined, "too-large", message);
  }
  return pagesRead === 0 ? instead : { kind: "list", entries, filtered };
}

function appliesFilter(answer: Answer): boolean {
  return (headerOf(answer, "oci-filters-applied") ?? "").split(/[\s,]+/).includes("artifactType");
}

/** Registries written in Go say `null` for a list of nothing. */
const listOfNothing = z.object({ schemaVersion: z.literal(2), manifests: z.null() });

/** The entries of a page; `undefined` for what is none. */
function entriesIn({ bytes }: Answer): readonly Descriptor[] | undefined {
  const descriptor = describeBytes(mediaTypes.ociIndex, bytes);
  const content = imageContentIn({ descriptor, bytes });
  if (content !== undefined) return content.children;
  return listOfNothing.safeParse(jsonIn(Buffer.from(bytes).toString())).success ? [] : undefined;
}

function noList(remote: Remote, subject: Digest, answer: Answer): RegistryError {
  const type = JSON.stringify((headerOf(answer, "content-type") ?? "").slice(0, 100));
  const message = phrase`listing referrers: the answer, ${type}, is no list of manifests`;
  const hint =
    "look at what stands between the registry and this machine; what is attached to the image is unknown";
  return failed(remote, subject, "unexpected-response", message, hint);
}
