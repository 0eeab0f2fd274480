import type { Verb } from "../../src/cli/verb.ts";
import { groups, oldVerbs } from "../../src/cli/verbs.ts";
import { code, table } from "./table.ts";

/** Something that was written otherwise, and works: how it was, and how it is. */
export interface OldWords {
  readonly old: string;
  readonly now: string;
}

/** Verbs that stand elsewhere now. */
export function oldVerbLines(): readonly OldWords[] {
  return oldVerbs.flatMap(({ verb, now, above }) => {
    const old = `waybill ${above === undefined ? "" : `${above} `}${verb.name}`;
    return typeof now === "string"
      ? [{ old, now: `waybill ${now}` }]
      : Object.entries(now).map(([name, line]) => ({ old: `${old} ${name}`, now: `waybill ${line}` }));
  });
}

/** Flags that are others now, by the verb that has them. */
export function oldFlagLines(): readonly OldWords[] {
  const flagsOf = (verb: Verb, path: string): OldWords[] => [
    ...Object.entries(verb.old).map(([flags, meant]) => {
      const now = typeof meant === "string" ? meant : meant.now;
      return { old: `${path} ${flags}`, now: `${path} ${now}` };
    }),
    ...(verb.below ?? []).flatMap((each) => flagsOf(each, `${path} ${each.name}`)),
  ];
  const flags = groups.flatMap(({ verbs }) => verbs).flatMap((verb) => flagsOf(verb, `waybill ${verb.name}`));
  return [
    ...flags,
    { old: "waybill wait --since <revision>", now: "waybill verify --wait --base <revision>" },
    { old: "waybill wait --timeout <duration>", now: "waybill verify --wait <duration>" },
    { old: "waybill runs show <run> --log", now: "waybill runs log <run>" },
  ];
}

export function oldVerbsTable(): string {
  return tableOf(oldVerbLines());
}

export function oldFlagsTable(): string {
  return tableOf(oldFlagLines());
}

function tableOf(lines: readonly OldWords[]): string {
  return table(
    ["was", "is"],
    lines.map(({ old, now }) => [code(old), code(now)]),
  );
}
