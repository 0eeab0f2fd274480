import { type ExitCode, exitCodes } from "../../src/cli/exit-codes.ts";
import { sayingOf } from "../../src/cli/verb.ts";
import { shownCommands } from "./commands.ts";
import { code, table } from "./table.ts";

/** What exit codes mean by verb, of all that say more than everybody. */
export function exitCodesTable(): string {
  const codes = Object.values(exitCodes);
  const verbsBy = new Map<string, string[]>();
  for (const { path, command } of shownCommands()) {
    const exits: Readonly<Partial<Record<ExitCode, string>>> = sayingOf(command)?.exits ?? {};
    if (Object.keys(exits).length === 0) continue;
    const key = JSON.stringify(codes.map((each) => exits[each] ?? ""));
    verbsBy.set(key, [...(verbsBy.get(key) ?? []), code(path.replace("waybill ", ""))]);
  }
  const rows = [...verbsBy].map(([meanings, verbs]) => [verbs.join(", "), ...JSON.parse(meanings)]);
  return table(["verb", ...codes.map(String)], rows);
}
