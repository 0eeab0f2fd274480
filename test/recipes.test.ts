import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { loadAll } from "js-yaml";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { faultsOf, oldWordsIn } from "./docs/command-line.ts";
import { temporaryFolder } from "./support/tree.ts";

const root = resolve(import.meta.dirname, "..");
const recipes = readdirSync(join(root, "examples"), { recursive: true, encoding: "utf8" })
  // What is in apisnoop/ and tour/ are a project's own files; test/builds/apisnoop.test.ts and test/docs/tour.test.ts use them. What
  // brings a server up, and watches it, test/deployment and test/telemetry read.
  .filter((path) => /\.ya?ml$/.test(path) && !/^(apisnoop|tour|compose|helm|monitoring|systemd)\b/.test(path))
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
      return Array.from(
        text.replaceAll(/ *\\\n */g, " ").matchAll(/(?:^|[\s;&])(waybill [a-z-]+[^\n;&|]*)/g),
        ([, line = ""]) => line,
      );
    }),
    ...Array.from(lists, ([, words = ""]) => `waybill ${JSON.parse(`[${words}]`).join(" ")}`),
  ];
}

/** With a word in the place of each variable; further options, of which there may be none, are left out. */
function withoutVariables(line: string): string {
  return line
    .replaceAll(/\$\{\{.*?\}\}/gs, (filled) => (filled.includes("format(") ? "" : "VALUE"))
    .replaceAll(/"\$\{\w+\[@\]\}"/g, "")
    .replaceAll(/\$\([\w.-]+\)/g, "VALUE");
}

describe.each(recipes)("%s", (file) => {
  test("shows command lines that the program takes, as they are written today", async () => {
    const lines = commandLines(file).map(withoutVariables);
    expect(lines.length).toBeGreaterThan(0);
    const faults = await Promise.all(lines.map((line) => faultsOf(line)));
    expect([...faults.flat(), ...lines.flatMap(oldWordsIn)]).toEqual([]);
  });

  test("has scripts that a shell can read", () => {
    const scripts = textsOf(loadAll(readFileSync(join(root, file), "utf8"))).filter(
      ({ key, text }) => key === "run" || key === "script" || (key === "args" && /git clone/.test(text)),
    );
    for (const { text } of scripts) {
      const plain = text.replace(/\$\{\{.*?\}\}/gs, "VALUE");
      execFileSync("bash", ["-n"], { input: plain });
    }
  });
});

/** The lines of a recipe that install the program, as one script. */
function installation(file: string): string {
  const texts = textsOf(loadAll(readFileSync(join(root, file), "utf8"))).map(({ text }) => text);
  const lines = texts.flatMap((text) => text.split("\n")).map((line) => line.trim());
  const from = lines.findIndex((line) => line.startsWith("git clone"));
  const to = lines.findIndex((line, at) => at > from && line.startsWith("npm install"));
  return lines.slice(from, to + 1).join("\n");
}

const cloning = recipes.filter((file) => !file.includes("github-actions"));

describe("what recipes install", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  beforeEach(async () => {
    folder = await temporaryFolder("recipes");
  });
  afterEach(() => folder.remove());

  test.each(recipes)("is a commit of one's own copy: %s", (file) => {
    const text = readFileSync(join(root, file), "utf8");
    expect(text).toContain("WAYBILL_COMMIT");
    // A package of that name in a public registry is somebody else's.
    expect(text).not.toMatch(/npm install .*(?<!\/opt\/)waybill/);
    expect(text).not.toMatch(/- uses: (?!actions\/|github\/|\.\/)/);
    expect(text).not.toMatch(/@(main|master|latest)\b|:latest\b/);
  });

  test.each(cloning)("is built where it was cloned, at that commit: %s", (file) => {
    const origin = join(folder.path, "origin");
    const git = (...words: string[]) =>
      execFileSync("git", ["-C", origin, "-c", "user.name=A", "-c", "user.email=a@x.test", ...words], {
        encoding: "utf8",
      }).trim();
    mkdirSync(origin);
    git("init", "--quiet");
    git("commit", "--quiet", "--allow-empty", "--message=one");
    const commit = git("rev-parse", "HEAD");
    git("commit", "--quiet", "--allow-empty", "--message=two");
    const target = join(folder.path, "waybill");
    const script = installation(file).replaceAll("/opt/waybill", target);
    const stub = `npm() { printf '%s\\n' "$*"; git -C '${target}' rev-parse HEAD; }`;
    const install = (env: NodeJS.ProcessEnv) => {
      rmSync(target, { recursive: true, force: true });
      const { PATH } = process.env;
      return spawnSync("bash", ["-ec", `${stub}\n${script}`], {
        env: { PATH, HOME: folder.path, ...env },
        encoding: "utf8",
      });
    };
    const { status, stdout } = install({ WAYBILL_REPOSITORY: origin, WAYBILL_COMMIT: commit });
    expect(status).toBe(0);
    expect(stdout.split("\n")).toEqual([
      ...[`--prefix ${target} ci --no-audit --no-fund`, commit],
      ...[`--prefix ${target} run --silent build`, commit],
      ...[`install --global --no-audit --no-fund ${target}`, commit, ""],
    ]);
    expect(install({ WAYBILL_REPOSITORY: origin, WAYBILL_COMMIT: "COMMIT" }).status).not.toBe(0);
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
