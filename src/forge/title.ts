import type { ForgeKind } from "./forge.ts";
import { cutTo } from "./said.ts";

interface TitleAndDraft {
  readonly title: string;
  readonly draft?: boolean | undefined;
}

/** How titles are on a kind of forge; GitLab and Gitea know drafts by the beginning of theirs. */
interface TitleRules {
  readonly maxLength: number;
  readonly mark: string;
  readonly marked: RegExp;
}

const rules: Readonly<Record<ForgeKind, TitleRules>> = {
  github: { maxLength: 256, mark: "", marked: /(?!)/ },
  // https://docs.gitlab.com/user/project/merge_requests/drafts/
  gitlab: { maxLength: 255, mark: "Draft: ", marked: /^\s*(?:draft:|\[draft\]|\(draft\))\s*/i },
  // What Gitea and Forgejo come with (`WORK_IN_PROGRESS_PREFIXES`).
  gitea: { maxLength: 255, mark: "WIP: ", marked: /^\s*(?:wip:|\[wip\])\s*/i },
};

/** Whether it is a draft: older versions say it by the title alone. */
export function isDraft(kind: ForgeKind, { title, draft }: TitleAndDraft): boolean {
  return draft ?? rules[kind].marked.test(title);
}

/** The title itself, without what marks drafts. */
export function withoutMark(kind: ForgeKind, title: string): string {
  const { marked } = rules[kind];
  let rest = title;
  while (marked.test(rest)) rest = rest.replace(marked, "");
  return rest;
}

/** A title as it is sent to the forge. */
export function sentTitle(kind: ForgeKind, title: string, draft: boolean): string {
  return `${draft ? rules[kind].mark : ""}${fittingTitle(kind, title)}`;
}

/**
 * The title to send when the title or the state of a draft is to change, or none. Where the title tells of both, who changes one of
 * them has to know the other.
 */
export async function changedTitle(
  kind: ForgeKind,
  { title, draft }: { readonly title?: string | undefined; readonly draft?: boolean | undefined },
  current: () => Promise<TitleAndDraft>,
): Promise<string | undefined> {
  if (title === undefined && (draft === undefined || rules[kind].mark === "")) return undefined;
  if (title !== undefined && (draft !== undefined || rules[kind].mark === "")) {
    return sentTitle(kind, title, draft ?? false);
  }
  const found = await current();
  return title === undefined
    ? `${draft === true ? rules[kind].mark : ""}${withoutMark(kind, found.title)}`
    : sentTitle(kind, title, isDraft(kind, found));
}

/**
 * A title as a forge of this kind takes it and gives it back: one line, without what marks drafts, and no longer than it may be, with an
 * ellipsis where something is left out.
 */
export function fittingTitle(kind: ForgeKind, title: string): string {
  const bare = withoutMark(kind, title.replaceAll(/\s+/gu, " ").trim());
  const room = rules[kind].maxLength - rules[kind].mark.length;
  return kind === "gitea" ? cutToWidth(room, bare) : cutTo(room, bare);
}

/** Gitea shortens titles by how wide they are shown, where characters may count double; it adds an ellipsis of its own. */
function cutToWidth(width: number, text: string): string {
  const widthOf = (part: string): number => part.length + (part.match(/[^\x20-\x7e]/g)?.length ?? 0);
  if (Buffer.byteLength(text) <= width || widthOf(text) <= width) return text;
  let kept = text;
  while (widthOf(kept) > width - 4) kept = kept.slice(0, -1);
  return cutTo(kept.length + 1, text);
}
