import type { Verb } from "../../src/cli/verb.ts";
import { groups, oldVerbs } from "../../src/cli/verbs.ts";

/** Something that was written otherwise, and works: how it was, and how it is. */
export interface OldWords {
  readonly old: string;
  readonly now: string;
}

/** Verbs that stand elsewhere now. */
export function oldVerbLines(): readonly OldWords[] {
  return oldVerbs.flatMap(({ verb, now }) =>
    typeof now === "string"
      ? [{ old: `waybill ${verb.name}`, now: `waybill ${now}` }]
      : Object.entries(now).map(([name, line]) => ({
          old: `waybill ${verb.name} ${name}`,
          now: `waybill ${line}`,
        })),
  );
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

/** The page that tells of all of them. */
export function oldSpellingsPage(): string {
  const table = (head: readonly [string, string], lines: readonly OldWords[]): string => {
    const rows = [head, ...lines.map(({ old, now }) => [`\`${old}\``, `\`${now}\``] as const)];
    const widths = [0, 1].map((column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
    const line = (cells: readonly string[]): string =>
      `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
    const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
    return [line(rows[0] ?? []), rule, ...rows.slice(1).map(line)].join("\n");
  };
  return `# Old spellings

Command lines that were right once go on working, exactly, and are not shown in help and completion. This page is made from
the definitions of the verbs.

## Verbs

${table(["was", "is"], oldVerbLines())}

## Flags

${table(["was", "is"], oldFlagLines())}

Lines of \`cip\`, \`cip-mm\`, \`kpromo\` and \`image-builder\` run unchanged: [from cip to Waybill](from-cip-to-waybill.md).
`;
}
