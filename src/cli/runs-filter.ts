import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { how, wholeNumber } from "./verb.ts";

const results = ["SUCCESS", "FAILURE", "ABORTED", "ERROR"];
const states = ["held", "waiting", "running", "ended"];
const types = ["postsubmit", "periodic", "presubmit", "batch"];

/** The options by which a server filters runs, by their names, which are those of the API. */
const options = {
  search: () =>
    how.common("--search <words>", "by beginnings of words of job, repository, ref, author, summary"),
  result: () => how.common("--result <result>", "by how they ended").choices(results),
  state: () => how("--state <state>", "by where they are").choices(states),
  kind: () => how("--kind <kind>", "by what is done: build, promote, review, verify, snapshot, propose"),
  type: () => how("--type <type>", "by what they are in Prow").choices(types),
  repo: () => how("--repo <url>", "by the URL of their repository"),
  pull: () => how("--pull <number>", "by their pull request").argParser(wholeNumber),
  author: () => how("--author <login>", "by who opened their pull request"),
  machine: () => how("--machine <name>", "by where they run or ran"),
  since: () => how("--since <time>", "asked for at this time or later: a day, or a time with its zone"),
  until: () => how("--until <time>", "asked for before this time"),
} as const;

/** Adds what a server filters runs by: all that is given has to fit. {@link runFilterOf} reads it, so that no type need know of it. */
export function withRunFilters<Any extends CommandUnknownOpts>(command: Any): Any {
  for (const option of Object.values(options)) command.addOption(option());
  return command;
}

/** What is filtered by, in the words of the API. */
export function runFilterOf(given: object): Readonly<Record<string, string>> {
  const values = new Map<string, unknown>(Object.entries(given));
  return Object.fromEntries(
    Object.keys(options).flatMap((name) => (values.has(name) ? [[name, String(values.get(name))]] : [])),
  );
}
