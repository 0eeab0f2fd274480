// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of Cloud Build are what is tested
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { resolved, saidOf } from "./reading.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/build.md"), "utf8");

test("the page shows errors as they are", () => {
  const text = `steps:
  - name: busybox
    entryPoint: sh
    args:
      - -c
      - |
        echo $HOME
        echo $_TGA
substitutions:
  _TAG: v1
`;
  const shown = /```text\n(.*?)```/s.exec(page)?.[1] ?? "";
  expect(
    saidOf(text)
      .map((line) => `${line}\n`)
      .join(""),
  ).toBe(shown);
});

test("the page shows expansions as they are", () => {
  const rows = [...page.matchAll(/^\| (`\$\{_(?:T|NO)[^|]*) \| (`[^|]*) \|$/gm)];
  const codes = (cell = ""): string[] => Array.from(cell.matchAll(/`([^`]+)`/g), ([, code]) => code ?? "");
  const cases = rows.flatMap(([, from, to]) =>
    codes(from).map((expansion, index) => [expansion, codes(to)[index]] as const),
  );
  expect(cases.length).toBeGreaterThan(10);
  for (const [expansion, made] of cases) {
    const file = {
      steps: [{ name: "a", args: [expansion] }],
      options: { dynamicSubstitutions: true, substitutionOption: "ALLOW_LOOSE" },
    };
    const build = resolved(JSON.stringify(file), {
      substitutions: { _T: "v20261120-v1.24.0" },
      builtIns: {},
    });
    expect([expansion, build.steps[0]?.args[0]]).toEqual([expansion, made]);
  }
});
