import { mkdir } from "node:fs/promises";
import { outputOf } from "./child.ts";

/** A Git repository of a test, out of reach of the configuration of whoever runs it. */
export interface TestRepository {
  readonly path: string;
  /** Runs `git` in it: its standard output, without the line end. */
  git(...words: string[]): Promise<string>;
  /** Commits all that is in the working tree; the hash of the commit. */
  commit(message?: string): Promise<string>;
}

/** The environment for `git` in tests; it may also be what a command line runs in. */
export const gitEnvironment: Record<string, string> = {
  PATH: process.env.PATH ?? "",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_AUTHOR_NAME: "Somebody",
  GIT_AUTHOR_EMAIL: "somebody@example.com",
  GIT_COMMITTER_NAME: "Somebody",
  GIT_COMMITTER_EMAIL: "somebody@example.com",
};

/** A repository that is there already. */
export function repositoryAt(path: string): TestRepository {
  const git = async (...words: string[]): Promise<string> =>
    (await outputOf("git", ["-C", path, ...words], gitEnvironment)).trimEnd();
  return {
    path,
    git,
    async commit(message = "a change") {
      await git("add", "--all", ".");
      await git("commit", "--quiet", "--allow-empty", "--message", message);
      return git("rev-parse", "HEAD");
    },
  };
}

/** A new repository with the branch `main`, without any commit. */
export async function createRepository(path: string): Promise<TestRepository> {
  await mkdir(path, { recursive: true });
  const repository = repositoryAt(path);
  await repository.git("init", "--quiet", "--initial-branch=main");
  return repository;
}
