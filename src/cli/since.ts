import { type Command, Option } from "commander";
import type { Diagnostic } from "../diagnostics/index.ts";
import type { CommittedManifests, ManifestTree } from "../manifest/index.ts";
import type { Since } from "../promotion/index.ts";
import { amount } from "./amount.ts";
import type { Session } from "./session.ts";

/** What the command line says about limiting a plan to what changed. */
export interface SinceOptions {
  readonly since?: string;
  readonly changed?: boolean;
  readonly sinceDate?: string;
}

/** Adds the options that limit a plan. */
export function addSinceOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        "--since <revision>",
        "look only at what the manifests did not ask for at this Git revision",
      ),
    )
    .addOption(
      new Option(
        "--changed",
        "look only at the last change: what is not committed, else the last commit",
      ).conflicts("since"),
    )
    .addOption(
      new Option(
        "--since-date <date>",
        "look only at what the branch has got since a date, as git log takes it: 14.days, 2026-05-01",
      ).conflicts(["since", "changed"]),
    );
}

/**
 * The manifests to compare with, when the command line asks for a limit.
 * @throws {GitError} when Git does not have them.
 */
export async function readSince(
  tree: ManifestTree,
  { since, changed, sinceDate }: SinceOptions,
  { terminal, env: environment }: Session,
): Promise<CommittedManifests | undefined> {
  if (since === undefined && sinceDate === undefined && changed !== true) return undefined;
  const { asksForTheSame } = await import("../edges/index.ts");
  const { readManifestsAt, readManifestsBeforeChange, readManifestsBeforeDate } = await import(
    "../manifest/index.ts"
  );
  const found =
    since !== undefined
      ? await readManifestsAt(tree, since, { environment })
      : sinceDate !== undefined
        ? await readManifestsBeforeDate(tree, sinceDate, { environment })
        : await readManifestsBeforeChange(tree, asksForTheSame, { environment });
  if (found === undefined)
    terminal.note(
      `${sinceDate === undefined ? "HEAD" : "the oldest"} is the first commit: everything is new`,
    );
  return found;
}

/** In words, errors that lie outside of what something is limited to: they are mentioned, and count for nothing there. */
export function outsideInWords(errors: readonly Diagnostic[] = []): string[] {
  if (errors.length === 0) return [];
  const [were, count] = errors.length === 1 ? ["was", "it counts"] : ["were", "they count"];
  return [
    `${amount(errors.length, "error")} in the manifests ${were} there before: ${count} when everything is looked at`,
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
