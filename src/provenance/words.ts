import { knownForgeKind } from "../forge/index.ts";
import type { Provenance } from "./read.ts";

/**
 * The address of the source as people write it: without `git+` and without what stands after an `@` in its path, such
 * as the branch or the commit.
 */
export function sourceAddress(source: string): string {
  return source.replace(/^git\+/, "").replace(/(?<path>:\/\/[^/]*\/[^@]*)@.*$/, "$<path>");
}

/** Digits of a commit that people are shown. */
export const shownDigits = 12;

/**
 * What built an image, in a few words: `built from 9afb85e00000 of https://example.com/app by run push-app/1`.
 * `undefined` when a builder said nothing of it. The words are from outside.
 */
export function originInWords(
  origin: Pick<Provenance, "commit" | "source" | "isDirty" | "run" | "builder">,
): string | undefined {
  const { commit, source, isDirty, run, builder } = origin;
  const address = source === undefined ? undefined : sourceAddress(source);
  const what = commit?.slice(0, shownDigits);
  const of = what === undefined ? address : [what, ...(address === undefined ? [] : [address])].join(" of ");
  const from = of === undefined ? "" : ` from ${of}${isDirty ? ", with changes that are in no commit," : ""}`;
  const by = run !== undefined ? ` by run ${run}` : builder !== undefined ? ` by ${builder}` : "";
  return from === "" && by === "" ? undefined : `built${from}${by}`;
}

/** An https URL of a repository, with nothing in it that a page could take for anything else. */
const repositoryUrl =
  /^https:\/\/(?<host>[a-z0-9.-]+)\/(?<path>[A-Za-z0-9][\w.-]*(?:\/[A-Za-z0-9][\w.-]*){1,8})\/?$/;
const maxUrlLength = 200;

/**
 * The page of the commit that an image was built from, on a forge whose name tells how its pages are called; for any other
 * source, and for one that is not exactly the URL of a repository, there is none. It is made of text from outside: it leads
 * where a builder says, and is safe to write in Markdown and HTML.
 */
export function commitPage({ source, commit }: Pick<Provenance, "source" | "commit">): string | undefined {
  if (source === undefined || commit === undefined || !/^[0-9a-f]{40}(?:[0-9a-f]{24})?$/.test(commit)) {
    return undefined;
  }
  const address = sourceAddress(source);
  if (address.length > maxUrlLength) return undefined;
  const { host = "", path = "" } = repositoryUrl.exec(address)?.groups ?? {};
  const kind = knownForgeKind(host);
  if (kind === undefined) return undefined;
  return `https://${host}/${path.replace(/\.git$/, "")}/${kind === "gitlab" ? "-/commit" : "commit"}/${commit}`;
}
