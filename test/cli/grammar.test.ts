import { readdir, readFile } from "node:fs/promises";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { describe, expect, it } from "vitest";
import { oldFlagLines, oldVerbLines } from "../../scripts/docs/old-spellings.ts";
import { buildProgram } from "../../src/cli/program.ts";
import { settleAll } from "../../src/cli/verb.ts";
import { groups } from "../../src/cli/verbs.ts";
import { run } from "./captured.ts";

const silent = { stdout: { write: () => {} }, stderr: { write: () => {} }, env: {} };
const program = settleAll(buildProgram(silent, async () => {}));

/** Every command that help shows, as the words that call it. */
function shownBelow(command: CommandUnknownOpts, path: readonly string[] = []): string[][] {
  const shown = command.createHelp().visibleCommands(command);
  return shown
    .filter((each) => each.name() !== "help")
    .flatMap((each) => [[...path, each.name()], ...shownBelow(each, [...path, each.name()])]);
}

function commandAt(path: readonly string[]): CommandUnknownOpts {
  return path.reduce((command, name) => {
    const found = command.commands.find((each) => each.name() === name);
    if (found === undefined) throw new Error(`there is no ${path.join(" ")}`);
    return found;
  }, program as CommandUnknownOpts);
}

const shown = shownBelow(program);

describe("help on a terminal of 80 columns and 24 lines", () => {
  it.each([[[]], ...[...shown, ["wait"]].map((path) => [path])])("of %j fits by -h", async (path) => {
    const { status, stdout } = await run(...path, "-h");
    const lines = stdout.split("\n");
    expect(status).toBe(0);
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    // The last line end, and the prompt below it.
    expect(lines.length).toBeLessThanOrEqual(24);
  });

  it.each([[[]], ...[...shown, ["wait"]].map((path) => [path])])(
    "of %j is not wrapped by --help",
    async (path) => {
      const { status, stdout } = await run(...path, "--help");
      expect(status).toBe(0);
      expect(stdout.split("\n").filter((line) => line.length > 80)).toEqual([]);
      const options = commandAt(path).options.filter(({ hidden }) => !hidden);
      expect(options.filter(({ long }) => !stdout.includes(long ?? "-"))).toEqual([]);
    },
  );

  it("shows eighteen verbs at most, each in its group", async () => {
    const names = groups.flatMap(({ verbs }) => verbs.map(({ name }) => name));
    expect(names.length).toBeLessThanOrEqual(18);
    expect(new Set(names).size).toBe(names.length);
    const { stdout } = await run("-h");
    for (const name of names) expect(stdout).toMatch(new RegExp(`^(\\w+ )*\\w* +${name} `, "m"));
    expect(stdout).not.toMatch(/ {2}(hold|snapshot|staging|compare|wait) {2}/);
  });

  it("says of every argument and option what it is", () => {
    const all = [[], ...shown].map(commandAt);
    const untold = all.flatMap((command) => [
      ...command.options.filter(({ description }) => description === "").map(({ flags }) => flags),
      ...command.registeredArguments
        .filter(({ description }) => description === "")
        .map((argument) => argument.name()),
    ]);
    expect(untold).toEqual([]);
  });

  it("offers --output and --dry-run in every verb that does something", () => {
    const doing = shown
      .map(commandAt)
      .filter(
        ({ commands, registeredArguments, options }) =>
          commands.length === 0 || registeredArguments.length > 0 || options.length > 0,
      );
    const flagsOf = ({ options }: CommandUnknownOpts) => options.map(({ long }) => long);
    expect(doing.filter((command) => !flagsOf(command).includes("--output"))).toEqual([]);
    expect(doing.filter((command) => !flagsOf(command).includes("--dry-run"))).toEqual([]);
  });
});

/** What a command line means: the verb that does it, its arguments, and its options by the names that they have now. */
async function meaningOf(line: string): Promise<object> {
  let meaning = {};
  const parser = buildProgram(silent, async ({ command, given, outputs }) => {
    const { tree: _, output: __, ...options } = command.opts();
    meaning = { given: given.slice(0, -1), options, outputs };
  });
  await parser.parseAsync(line.split(" "), { from: "user" });
  return meaning;
}

describe("old spellings", () => {
  it.each([
    ["check T --format json", "check T --output json"],
    ["check T --sarif", "check T -o sarif"],
    ["compare T --since v1 --head v2 --markdown", "review compare T --base v1 --head v2 --output markdown"],
    ["plan T --since origin/main", "plan T --base origin/main"],
    [
      "promote T --since v1 --report r.json --junit j.xml",
      "promote T --base v1 -o json=r.json -o junit=j.xml",
    ],
    ["promote T --report=-", "promote T --output json=-"],
    ["check T --format json --format text", "check T --output text"],
    ["promote T --report a --junit j --report b", "promote T --output junit=j --output json=b"],
    ["wait T --since v1", "wait T --base v1"],
    ["merge --base-dir T --staging-repo R", "merge T --staging-repo R"],
    ["staging new foo --base-dir T --owner me", "merge new-project foo T --owner me"],
    ["review T --markdown c.md --sarif s.json", "review T --output markdown=c.md --output sarif=s.json"],
    ["review T --markdown -", "review T --output markdown"],
    ["hold https://h/o/r/pull/1 --by label", "pr hold https://h/o/r/pull/1 --by label"],
    ["unhold https://h/o/r/pull/1", "pr unhold https://h/o/r/pull/1"],
    ["release-tags v1.19.0 --profile kubernetes", "pr release-tags v1.19.0 --profile kubernetes"],
    ["snapshot R --format csv", "registry snapshot R --format csv"],
    ["jobs --jobs-dir D", "jobs list --jobs-dir D"],
    ["runs jobs --jobs-dir D", "jobs list --jobs-dir D"],
    ["runs start foo --force", "jobs run foo --force"],
    ["import prow a.yaml b.yaml --out D", "jobs import prow a.yaml b.yaml --out D"],
    ["runs import prow a.yaml b.yaml --out D", "jobs import prow a.yaml b.yaml --out D"],
  ])("%s means %s", async (old, now) => {
    const meaning = await meaningOf(old);
    expect(meaning).not.toEqual({});
    expect(meaning).toEqual(await meaningOf(now));
  });

  it("of every verb and flag are tried above, or need no more than their definition", () => {
    for (const { now } of [...oldVerbLines(), ...oldFlagLines()]) {
      const path = now
        .split(" ")
        .slice(1)
        .filter((word) => /^[a-z]/.test(word));
      const command = path.reduce<CommandUnknownOpts>(
        (at, name) => at.commands.find((each) => each.name() === name) ?? at,
        program,
      );
      const flag = now.split(" ").find((word) => word.startsWith("--"));
      expect(command).not.toBe(program);
      if (flag !== undefined) expect(command.options.map(({ long }) => long)).toContain(flag);
    }
  });

  it("are named in no hint and no example", async () => {
    const files = await readdir("src", { recursive: true });
    const names = oldVerbLines().map(({ old }) =>
      old.split(" ").slice(1, /^waybill runs /.test(old) ? 3 : 2),
    );
    const old = new RegExp(`waybill (${[...new Set(names.map((words) => words.join(" ")))].join("|")})\\b`);
    const sources = files.filter((file) => file.endsWith(".ts") && file !== "cli/wait.ts");
    const texts = await Promise.all(sources.map((file) => readFile(`src/${file}`, "utf8")));
    expect(texts.flatMap((text) => text.split("\n").filter((line) => old.test(line)))).toEqual([]);
  });

  it.each([
    [["--sarif", "--json"], '"version": "2.1.0"'],
    [["--json", "--format", "sarif"], '"version": "2.1.0"'],
    [["--format", "text", "--json"], "0 projects"],
  ])("of check go before --json, as they always have: %j", async (flags, printed) => {
    const { stdout } = await run("check", "/nowhere", ...flags);
    expect(stdout).toContain(printed);
    expect(stdout).not.toContain("waybill-check/1");
  });

  it("refuse a tree that is named twice", async () => {
    const { status, stderr } = await run("merge", "a", "--base-dir", "b", "--staging-repo", "r");
    expect({ status, stderr }).toMatchObject({ status: 1, stderr: expect.stringContaining("named twice") });
  });
});

describe("a result that is asked for twice", () => {
  it.each([
    [["check", ".", "--json", "-o", "sarif"], "json and sarif would both be printed"],
    [["check", ".", "-o", "json=a", "-o", "sarif=a"], "two results cannot go to one place"],
    [["plan", ".", "-o", "sarif"], "It is text or json, or one of them with =FILE."],
  ])("%j is refused", async (argv, message) => {
    const { status, stdout, stderr } = await run(...argv);
    expect(status).toBe(1);
    expect(`${stdout}${stderr}`).toContain(message);
  });
});

describe("a line that lacks something says all that it lacks", () => {
  it.each([
    [["pr"], ["--project NAME or --staging-repo REGISTRY", "--release VERSION", "--tag TAG"]],
    [
      ["pr", "--staging-repo", "r.example/s"],
      ["--release VERSION", "--tag TAG"],
    ],
    [["pr", "--tag", "v1"], ["--staging-repo REGISTRY"]],
    [["plan"], ["no other is named: waybill plan TREE\n"]],
    [["merge", "--project", "app"], ["no other is named: waybill merge TREE --project app\n"]],
    [["promote", "--confirm"], ["no other is named: waybill promote TREE --confirm\n"]],
    [["check", ".", "-o", "json=nowhere/x.json"], ["make it first, or mend its name"]],
  ])("%j", async (argv, lacks) => {
    const { status, stderr } = await run(...argv);
    expect(status).toBe(1);
    for (const each of lacks) expect(stderr).toContain(each);
  });

  it("and nothing that it has", async () => {
    expect((await run("pr", "--tag", "v1")).stderr).not.toContain("--release");
    expect((await run("plan", "/nowhere")).stderr).toContain("waybill check /nowhere");
    expect((await run("plan", "./")).stderr).toContain("waybill check .");
  });
});

describe("--dry-run", () => {
  it.each([
    ["completion", "bash"],
    ["runs", "list", "--data-dir", "no-such-folder"],
  ])("is taken by verbs that write nothing anyway, which say so: %s %s", async (...line) => {
    const { status, stderr } = await run(...line, "--dry-run");
    expect({ status, stderr }).toMatchObject({
      status: 0,
      stderr: expect.stringContaining("--dry-run changes nothing here: this verb writes nothing"),
    });
  });

  it("and --confirm exclude each other", async () => {
    const { status, stderr } = await run("promote", ".", "--dry-run", "--confirm");
    expect(status).toBe(1);
    expect(stderr).toContain("--dry-run and --confirm exclude each other");
  });
});

describe("a line with a slip of the pen gets the one that was meant", () => {
  it.each([
    [["plan", "tree", "--bse", "main"], "waybill plan tree --base main"],
    [["promot", "tree", "--confirm"], "waybill promote tree --confirm"],
    [["runs", "shwo", "push-foo"], "waybill runs show push-foo"],
    [["registry", "gx", "data"], "waybill registry gc data"],
    [["check", "a b", "--outptu=sarif"], "waybill check 'a b' --output=sarif"],
    [["pr", "https://me:secret@h/o/r", "--dry-rum"], "waybill pr https://h/o/r --dry-run"],
    [["pr", "https://me:se/secret@h/o/r", "--dry-rum"], "waybill pr https://h/o/r --dry-run"],
    [["pr", "me:secret@h/o/r", "--dry-rum"], "waybill pr h/o/r --dry-run"],
    [
      ["inspect", `h:5000/app@sha256:${"0".repeat(64)}`, "--rax"],
      `waybill inspect h:5000/app@sha256:${"0".repeat(64)} --raw`,
    ],
  ])("%j", async (argv, meant) => {
    const { status, stderr } = await run(...argv);
    expect(status).toBe(1);
    expect(stderr).toContain(`hint: did you mean: ${meant}\n`);
    expect(stderr).not.toContain("secret");
  });
});
