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
