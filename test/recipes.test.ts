import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { loadAll } from "js-yaml";
import { describe, expect, test } from "vitest";
import { buildProgram } from "../src/cli/program.ts";

const root = resolve(import.meta.dirname, "..");
const recipes = readdirSync(join(root, "examples"), { recursive: true, encoding: "utf8" })
  // What is in apisnoop/ are a project's own files; they are built in test/build/apisnoop.test.ts.
  .filter((path) => /\.ya?ml$/.test(path) && !path.startsWith("apisnoop"))
  .map((path) => join("examples", path))
  .sort();

/** All texts of a document, with the name of the key that each stands at. */
function textsOf(value: unknown, key = ""): { readonly key: string; readonly text: string }[] {
  if (typeof value === "string") return [{ key, text: value }];
  if (Array.isArray(value)) return value.flatMap((item) => textsOf(item, key));
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, item]) => textsOf(item, name));
}

/** Lines of waybill in a script, and what the action is given to run. */
function commandLines(file: string): string[] {
  const documents = loadAll(readFileSync(join(root, file), "utf8"));
  const ofAction = /github-actions/.test(file);
  const lists = JSON.stringify(documents).matchAll(/"args","?value"?:\[(.*?)\]/g);
  return [
    ...textsOf(documents).flatMap(({ key, text }) => {
      if (ofAction && key === "args") return [`waybill ${text}`];
      if (key === "description") return [];
      return Array.from(text.matchAll(/(?:^|[\s;&])(waybill [a-z-]+[^\n;&|]*)/g), ([, line = ""]) => line);
    }),
    ...Array.from(lists, ([, words = ""]) => `waybill ${JSON.parse(`[${words}]`).join(" ")}`),
  ];
}

const program = buildProgram(
  { stdout: process.stdout, stderr: process.stderr, env: {} },
  () => async () => {},
);

describe.each(recipes)("%s", (file) => {
  test("shows command lines that the command line has", () => {
    const lines = commandLines(file);
    expect(lines.length).toBeGreaterThan(0);
    const wrong = lines.filter((line) => {
      const [, verb = "", ...words] = line.split(/\s+/);
      const command = program.commands.find((found) => found.name() === verb);
      if (command === undefined) return true;
      const known = [...program.options, ...command.options].map(({ long }) => long);
      return words
        .filter((word) => word.startsWith("--"))
        .some((word) => !known.includes(word.split("=")[0]));
    });
    expect(wrong).toEqual([]);
  });

  test("has scripts that a shell can read", () => {
    const scripts = textsOf(loadAll(readFileSync(join(root, file), "utf8"))).filter(
      ({ key, text }) => key === "run" || key === "script" || (key === "args" && /npm install/.test(text)),
    );
    for (const { text } of scripts) {
      const plain = text.replace(/\$\{\{.*?\}\}/gs, "VALUE");
      execFileSync("bash", ["-n"], { input: plain });
    }
  });
});

test("the action hands its words over as they are, quotes and all", () => {
  const action = loadAll(readFileSync(join(root, "action.yml"), "utf8"))[0] as {
    readonly runs: { readonly steps: readonly { readonly id?: string; readonly run?: string }[] };
  };
  const script = action.runs.steps.find(({ id }) => id === "run")?.run ?? "";
  const env = {
    PATH: process.env.PATH,
    GITHUB_OUTPUT: "/dev/null",
    WAYBILL_ARGS: `pr host/a/b --link "Mock build=https://x.test/?a=1&b=2"\n --tag 'v1.*' --title "$(exit) ; true"`,
  };
  const stub = "waybill() { printf '[%s]' \"$@\"; return 2; }";
  const { status, stdout } = spawnSync("bash", ["-e", "-c", `${stub}\n${script}`], { env, encoding: "utf8" });
  expect(status).toBe(2);
  expect(stdout).toBe(
    "[pr][host/a/b][--link][Mock build=https://x.test/?a=1&b=2][--tag][v1.*][--title][$(exit) ; true]",
  );
});
