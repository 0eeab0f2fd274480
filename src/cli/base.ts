import type { Command, OptionValues } from "@commander-js/extra-typings";
import type { Diagnostic } from "../diagnostics/index.ts";
import type { CommittedManifests, ManifestTree } from "../manifest/index.ts";
import type { Since } from "../promotion/index.ts";
import { amount } from "./amount.ts";
import type { Session } from "./session.ts";
import { look, type None, type OptionsOf } from "./verb.ts";

/** Adds the options that limit a verb to what has changed since another state of the manifests. */
export function withBase<Arguments extends unknown[], Options extends OptionValues>(
  command: Command<Arguments, Options>,
) {
  return command
    .addOption(
      look.common("--base <revision>", "look only at what the manifests did not ask for at this revision"),
    )
    .addOption(
      look(
        "--changed",
        "look only at the last change: what is not committed, else the last commit",
      ).conflicts("base"),
    )
    .addOption(
      look(
        "--since-date <date>",
        "look only at what the branch has got since: a date for git log, such as 14.days or 2026-05-01",
      ).conflicts(["base", "changed"]),
    );
}

/** What `--base` was called. */
export const oldBase = { "--since <revision>": "--base <revision>" } as const;

type BaseOptions = OptionsOf<typeof withBase<[], None>>;

/**
 * The manifests to compare with, when the command line asks for a limit.
 * @throws {GitError} when Git does not have them.
 */
export async function readSince(
  tree: ManifestTree,
  { base, changed, sinceDate }: BaseOptions,
  { terminal, env: environment }: Session,
): Promise<CommittedManifests | undefined> {
  if (base === undefined && sinceDate === undefined && changed !== true) return undefined;
  const { readManifestsBeforeChange } = await import("../edges/index.ts");
  const { readManifestsAt, readManifestsBeforeDate } = await import("../manifest/index.ts");
  const found =
    base !== undefined
      ? await readManifestsAt(tree, base, { environment })
      : sinceDate !== undefined
        ? await readManifestsBeforeDate(tree, sinceDate, { environment })
        : await readManifestsBeforeChange(tree, { environment });
  if (found === undefined)
    terminal.note(
      `${sinceDate === undefined ? "HEAD" : "the oldest"} is the first commit: everything is new`,
    );
  return found;
}

/**
 * In words, errors that lie outside of what something is limited to: they are mentioned, and count for nothing there.
 * @param isSelected Whether it is limited to what was selected, not to what has changed alone.
 */
export function outsideInWords(errors: readonly Diagnostic[] = [], isSelected = false): string[] {
  if (errors.length === 0) return [];
  const [are, lie, count] =
    errors.length === 1 ? ["was", "lies", "it counts"] : ["were", "lie", "they count"];
  const where = isSelected ? `${lie} outside` : `${are} there before`;
  return [
    `${amount(errors.length, "error")} in the manifests ${where}: ${count} when everything is looked at`,
  ];
}

/** In words, what a plan is limited to. */
export function limitInWords({ commit, unchanged, removed, unreadable }: Since): string[] {
  const at = commit.slice(0, 12);
  return [
    `limited to what changed since ${at}${unchanged === 0 ? "" : `: ${amount(unchanged, "other edge")} not looked at`}`,
    ...(removed === 0
      ? []
      : [`${amount(removed, "edge")} not asked for any more: production keeps what is there`]),
    ...unreadable.map((project) => `${project} could not be read at ${at}: all of it counts as changed`),
  ];
}
