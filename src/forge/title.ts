import { giteaDrafts, gitlabDrafts, withoutPrefix } from "./draft-title.ts";
import type { ForgeKind } from "./forge.ts";
import { cutTo } from "./said.ts";

/** Characters that titles may have. */
const maxLength: Readonly<Record<ForgeKind, number>> = { github: 256, gitlab: 255, gitea: 255 };

/**
 * A title as a forge of this kind takes it and gives it back: one line, without what marks drafts, and no longer than it may be, with an
 * ellipsis where something is left out.
 */
export function fittingTitle(kind: ForgeKind, title: string): string {
  const line = title.replaceAll(/\s+/gu, " ").trim();
  if (kind === "github") return cutTo(maxLength.github, line);
  const drafts = kind === "gitlab" ? gitlabDrafts : giteaDrafts;
  const bare = withoutPrefix(drafts, line);
  const room = maxLength[kind] - drafts.written.length;
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
