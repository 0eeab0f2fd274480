import { withoutForeignSettings } from "./foreign-settings.ts";
import { gitOutput, runGit } from "./program.ts";
import { openGitRepository } from "./repository.ts";

/** Who has written a line, as the history of its repository has it. Names and subjects are from outside. */
export interface LineOrigin {
  readonly commit: string;
  readonly author: string;
  readonly at: Date;
  readonly subject: string;
  /** The merge that brought it to the branch that is checked out; `undefined` where it was not merged. */
  readonly merge?: { readonly commit: string; readonly at: Date; readonly subject: string } | undefined;
}

const unwritten = /^0+$/;

/**
 * Who has written a line of a file, counted from 1; `undefined` for what is in no commit yet.
 * @throws {GitError} `not-a-repository`, `git-missing`, `git-failed`.
 */
export async function originOfLine(
  file: string,
  line: number,
  given: NodeJS.ProcessEnv = process.env,
): Promise<LineOrigin | undefined> {
  const { root, prefix } = await openGitRepository(file, given);
  const environment = await withoutForeignSettings(root, given);
  const git = (...words: string[]): Promise<string> => gitOutput(root, runGit(root, words, environment));
  const range = `${line},${line}`;
  const blamed = await git("blame", "--porcelain", "--no-textconv", "-L", range, "--", prefix);
  const commit = /^[0-9a-f]{40,64}/.exec(blamed)?.[0];
  if (commit === undefined || unwritten.test(commit)) return undefined;
  const told = async (of: string): Promise<readonly string[]> =>
    (await git("log", "-1", "--no-show-signature", "--format=%an%x00%cI%x00%s", of)).trimEnd().split("\0");
  const [author = "", at = "", subject = ""] = await told(commit);
  // Along the branch that is checked out; the newest comes first.
  const merges = await git(
    ...["rev-list", "--merges", "--first-parent", "--ancestry-path", `${commit}..HEAD`],
  );
  const merge = merges.trimEnd().split("\n").at(-1);
  if (!merge) return { commit, author, at: new Date(at), subject };
  const [, mergedAt = "", words = ""] = await told(merge);
  return {
    ...{ commit, author, at: new Date(at), subject },
    merge: { commit: merge, at: new Date(mergedAt), subject: words },
  };
}
