import { GitError } from "./errors.ts";
import { withoutPassword } from "./password.ts";
import { complaint, type Environment, runGit } from "./program.ts";
import { type CommitHash, openGitRepository } from "./repository.ts";

/** The working tree that a folder is in, as a build names what it makes of it. */
export interface DescribedCheckout {
  /** The top folder of the working tree, absolute. */
  readonly root: string;
  /** From the top to the folder: with slashes, empty for the top itself. */
  readonly path: string;
  readonly commit: CommitHash;
  readonly committedAt: Date;
  /** What `git describe --tags --always --dirty` says in the folder. */
  readonly describe: string;
  /** A file that Git knows is not as it was committed; files that it does not know do not count. */
  readonly isDirty: boolean;
  /** The URL of the remote `origin`, without user and password. */
  readonly origin?: string;
}

/**
 * Describes the checkout that a folder is in.
 * @param options.match A glob: tags that `git describe` may choose.
 * @throws {GitError} as {@link openGitRepository}, and `unknown-revision` for a repository without a commit.
 */
export async function describeCheckout(
  folder: string,
  options: { readonly match?: string } = {},
  environment: Environment = process.env,
): Promise<DescribedCheckout> {
  const { root, prefix } = await openGitRepository(folder, environment);
  const match = options.match === undefined ? [] : [`--match=${options.match}`];
  const [described, shown, origin] = await Promise.all([
    runGit(folder, ["describe", "--tags", "--always", "--dirty", ...match], environment),
    runGit(folder, ["show", "--no-patch", "--no-show-signature", "--format=%H %ct", "HEAD"], environment),
    runGit(folder, ["config", "--get", "remote.origin.url"], environment),
  ]);
  const [, commit, seconds] = /^([0-9a-f]{40,64}) ([0-9]+)$/m.exec(shown.stdout) ?? [];
  const describe = described.stdout.trim();
  if (commit === undefined || seconds === undefined || described.code !== 0 || describe === "") {
    throw new GitError("unknown-revision", `there is no commit to describe: ${complaint(shown.stderr)}`, {
      where: folder,
      hint: "commit what is to be built",
    });
  }
  const url = withoutPassword(origin.stdout.trim());
  return {
    root,
    path: prefix,
    commit: commit as CommitHash,
    committedAt: new Date(Number(seconds) * 1000),
    describe,
    isDirty: describe.endsWith("-dirty"),
    ...(url === "" ? {} : { origin: url }),
  };
}
