import { harmless } from "../errors/index.ts";
import type { ImageLife, StationState } from "../history/index.ts";
import { formatTable } from "./table.ts";
import type { Terminal } from "./terminal.ts";

const titles: Readonly<Record<ImageLife["stations"][number]["name"], string>> = {
  commit: "commit",
  build: "build",
  staging: "staging",
  "pull-request": "pull request",
  promotion: "promotion",
  mirrors: "mirrors",
};

const words: Readonly<Record<StationState, string>> = {
  done: "done",
  waiting: "waits",
  failed: "failed",
  unknown: "unknown",
};

const good: ReadonlySet<string> = new Set(["there", "promoted"]);

/** Prints the life of an image for people. All of it is text from outside. */
export function printLife(terminal: Terminal, life: ImageLife): void {
  const { colors, columns } = terminal;
  const painted = (state: string, isGood: boolean, isUnknown: boolean): string => {
    const text = harmless(state);
    return isGood ? colors.green(text) : isUnknown ? colors.yellow(text) : colors.red(text);
  };
  const table = (rows: readonly (readonly string[])[]): void => {
    if (rows.length > 0) terminal.print(formatTable(rows[0] ?? [], rows.slice(1), columns));
  };
  terminal.print(colors.bold(harmless(`${life.image}@${life.digest}`)));
  const tags = [...new Set(life.tags.map(({ tag }) => harmless(tag)))];
  if (tags.length > 0) terminal.print(`tags: ${tags.join(", ")}`);
  terminal.print("");
  table(
    life.stations.map(({ name, state, text, who, at, url }) => [
      painted(words[state], state === "done", state === "unknown" || state === "waiting"),
      titles[name],
      harmless([text, ...who].join("; ")),
      when(at),
      harmless(url ?? ""),
    ]),
  );
  heading(terminal, "where it is", life.mirrors.length);
  table(
    life.mirrors.map(({ repository, tags: of, state, why, arrivedAt, run }) => [
      painted(state, good.has(state), state === "unread"),
      harmless(repository),
      harmless(of.join(", ")),
      when(arrivedAt),
      harmless(run === undefined ? "" : `run ${run}`),
      harmless(why ?? ""),
    ]),
  );
  heading(terminal, "who let it in", life.pulls.length);
  for (const { url, title, author, verdict, edgesHash, approvals } of life.pulls) {
    const by = author === undefined ? "" : ` by ${author}`;
    terminal.print(harmless(`${url}${by}: ${title ?? ""}`));
    if (verdict !== undefined) terminal.print(harmless(`  review ${verdict}, of ${edgesHash ?? "no hash"}`));
    for (const { user, commit, at, void: reason } of approvals) {
      const counts = reason === undefined ? "" : `, which does not count: ${reason}`;
      terminal.print(harmless(`  ${user} approved ${commit?.slice(0, 12) ?? ""} ${when(at)}${counts}`));
    }
  }
  heading(terminal, "what asks for it", life.askedBy.length);
  for (const { place, tags: of, commit } of life.askedBy) {
    terminal.print(
      harmless(`${place}  ${of.join(", ")}${commit === undefined ? "" : `  at ${commit.slice(0, 12)}`}`),
    );
  }
  for (const { what, why } of life.unread) terminal.warn(harmless(`${what} could not be read: ${why}`));
}

function heading({ print, colors }: Terminal, title: string, rows: number): void {
  if (rows > 0) print(`\n${colors.bold(title)}`);
}

/** To the minute, in UTC. */
function when(at: string | undefined): string {
  return at === undefined ? "" : `${at.slice(0, 10)} ${at.slice(11, 16)}Z`;
}
