/** How GitLab and Gitea know drafts: by the beginning of their titles. */
export interface DraftPrefixes {
  /** What is put in front of a title. */
  readonly written: string;
  /** What is taken for the mark of a draft. */
  readonly read: RegExp;
}

/** https://docs.gitlab.com/user/project/merge_requests/drafts/ */
export const gitlabDrafts: DraftPrefixes = {
  written: "Draft: ",
  read: /^\s*(?:draft:|\[draft\]|\(draft\))\s*/i,
};

/** What Gitea and Forgejo come with (`WORK_IN_PROGRESS_PREFIXES`). */
export const giteaDrafts: DraftPrefixes = { written: "WIP: ", read: /^\s*(?:wip:|\[wip\])\s*/i };

/** The title itself. */
export function withoutPrefix({ read }: DraftPrefixes, title: string): string {
  let rest = title;
  while (read.test(rest)) rest = rest.replace(read, "");
  return rest;
}

/** The title as the forge is to have it. */
export function draftTitle(prefixes: DraftPrefixes, title: string, draft: boolean): string {
  const bare = withoutPrefix(prefixes, title);
  return draft ? `${prefixes.written}${bare}` : bare;
}

/** What a title says of a pull request. */
export interface TitleAndDraft {
  readonly title: string;
  readonly draft: boolean;
}

/**
 * The title to send when the title or the state of a draft is to change, or none. Who changes one of the two has to know the
 * other.
 */
export async function changedTitle(
  prefixes: DraftPrefixes,
  change: { readonly title: string | undefined; readonly draft: boolean | undefined },
  current: () => Promise<TitleAndDraft>,
): Promise<{ title?: string }> {
  const { title, draft } = change;
  if (title === undefined && draft === undefined) return {};
  if (title !== undefined && draft !== undefined) return { title: draftTitle(prefixes, title, draft) };
  const found = await current();
  return { title: draftTitle(prefixes, title ?? found.title, draft ?? found.draft) };
}
