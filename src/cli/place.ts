import type { TagList } from "../inspect/index.ts";
import type { Target } from "../oci/index.ts";
import type { ImagePlace, Repository } from "../registry/index.ts";
import { amount } from "./amount.ts";
import { UsageError } from "./failure.ts";
import type { Session } from "./session.ts";

/** What an image is found by in its repository. @throws {UsageError} when it is not said. */
export function targetOfImage({ tag, digest }: ImagePlace, text: string): Target {
  const target = digest ?? tag;
  if (target !== undefined) return target;
  throw new UsageError(
    `${text} names no tag and no digest`,
    `a tag is never guessed; write ${text}:TAG, or see which there are: waybill ls ${text}`,
  );
}

/** What to say of names that registries list, and that are no tags, or no repositories. */
export function misnamedInWords(where: string, count: number, what = "tags"): string {
  return `not all names ${where} are ${what}: ${count} left out, for nothing can be asked for by them`;
}

/**
 * The tags of a repository that are meant by values of `--tag`; all without one. Says when it lists what is no tag.
 * @throws {SelectionError} `nothing-selected`, `invalid-pattern`.
 */
export async function listSelected(
  { terminal }: Pick<Session, "terminal">,
  repository: Repository,
  { shown }: ImagePlace,
  { patterns, digests }: { readonly patterns: readonly string[]; readonly digests: boolean },
): Promise<TagList> {
  const { parsePatterns, SelectionError } = await import("../edges/index.ts");
  const { listTags } = await import("../inspect/index.ts");
  const selected = await parsePatterns("--tag", patterns);
  const list = await listTags(repository, { isWanted: (tag) => selected.matches(tag), digests, name: shown });
  if (list.misnamed > 0) terminal.warn(misnamedInWords(`in ${shown}`, list.misnamed));
  if (patterns.length === 0 || list.tags.length > 0 || list.unread.length > 0) return list;
  const { didYouMeanOneOf, likeliest } = await import("../diagnostics/index.ts");
  const meant = patterns.flatMap((pattern) => likeliest(pattern, list.others));
  throw new SelectionError("nothing-selected", `--tag ${patterns.join(", ")} selects no tag`, {
    where: shown,
    hint: didYouMeanOneOf(meant) ?? `it has ${amount(list.others.length, "tag")}: waybill ls ${shown}`,
  });
}
