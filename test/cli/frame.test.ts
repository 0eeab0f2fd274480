import { describe, expect, it } from "vitest";
import { buildProgram } from "../../src/cli/program.ts";
import { createTerminal, wantsColor } from "../../src/cli/terminal.ts";
import { run, runWith } from "./captured.ts";

describe("a command line that is wrong", () => {
  it.each([
    [["chekc", "d"], "unknown command 'chekc'", "did you mean: waybill check d"],
    [
      ["completion", "bash", "--jsn"],
      "unknown option '--jsn'",
      "did you mean: waybill completion bash --json",
    ],
    [
      ["plan", "d", "--confirm"],
      "unknown option '--confirm'",
      "it goes with waybill promote, waybill sigcheck; see: waybill plan -h",
    ],
    [
      ["promote", "d", "--rate", "5"],
      "unknown option '--rate'",
      "it goes with waybill verify; see: waybill promote -h",
    ],
    [["version"], "unknown command 'version'", "did you mean: waybill --version"],
    [["promote", "d", "--confirm=no"], "option '--confirm' takes no value", "see: waybill promote -h"],
    [["registry", "serve"], "required option '--dir <dir>' not specified", "see: waybill registry serve -h"],
    [
      ["completion", "bash", "more"],
      "too many arguments for 'bash'. Expected 0 arguments but got 1.",
      undefined,
    ],
    [
      ["registry", "serve", "--dir", "d", "--listen", "nowhere"],
      "option '--listen <address>' argument 'nowhere' is invalid. it is host:port, as in 127.0.0.1:5000",
      undefined,
    ],
    [
      ["completion", "bash", "--quiet", "--verbose"],
      "option '--verbose' cannot be used with option '--quiet'",
      undefined,
    ],
  ])("%j says what is wrong and what to do", async (argv, message, hint) => {
    const { status, stdout, stderr } = await run(...argv);
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr.split("\n")[0]).toBe(`error: ${message}`);
    if (hint !== undefined) expect(stderr.split("\n")[1]).toBe(`  hint: ${hint}`);
  });

  it.each([
    [["login", "reg.example", "-u", "ann", "--password=hunter2"], "unknown option '--password'"],
    [["login", "reg.example", "-u", "ann", "--password", "hunter2"], "unknown option '--password'"],
    [["login", "reg.example", "-u", "ann", "-p", "hunter2"], "unknown option '-p'"],
    [["login", "reg.example", "-u", "ann", "-phunter2"], "unknown option '-p…'"],
    [["login", "reg.example", "--usrname", "ann", "-p", "hunter2"], "unknown option '--usrname'"],
    [["copy", "--src-creds=ann:hunter2", "a.io/a:v1", "b.io/a"], "unknown option '--src-creds'"],
    [["copy", "--moev", "--dest-creds", "ann:hunter2", "a.io/a:v1", "b.io/a"], "unknown option '--moev'"],
  ])("%j repeats no secret", async (argv, message) => {
    const { status, stderr } = await run(...argv);
    expect({ status, first: stderr.split("\n")[0] }).toEqual({ status: 1, first: `error: ${message}` });
    expect(stderr).not.toContain("hunter2");
    expect(stderr).toContain("no option takes a secret");
  });

  it.each([
    [["serve", "backup", "--help"], "--data-dir", "--listen"],
    [["complete", "--shell", "zsh", "--", "waybill", "serve", "backup", "--"], "--data-dir", "--listen"],
    [["merge", "new-project", "--help"], "--owner", "--staging-repo"],
  ])("%j lists no options of the verb that it stands in", async (argv, own, others) => {
    const { stdout } = await run(...argv);
    expect(stdout).toContain(own);
    expect(stdout).toContain("--config");
    expect(stdout).not.toContain(others);
  });

  it("takes no letter for another one", async () => {
    expect((await run("ls", "reg.example/app", "-x", "word")).stderr).not.toContain("did you mean");
  });

  it("says it as JSON on standard output where that was asked for", async () => {
    const { status, stdout, stderr } = await run("chekc", "--json");
    expect({ status, stderr }).toEqual({ status: 1, stderr: "" });
    expect(JSON.parse(stdout)).toEqual({
      error: {
        code: "usage",
        message: "unknown command 'chekc'",
        hint: "did you mean: waybill check --json",
      },
    });
  });

  it("shows the help when there is no command, and fails", async () => {
    const { status, stdout, stderr } = await run();
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toContain("Usage: waybill");
  });

  it("shows where an error came from only when asked", async () => {
    expect((await run("chekc")).stderr).not.toContain("    at ");
    const { stderr } = await run("chekc", "--verbose");
    expect(stderr).toContain("UsageError");
    expect(stderr).toMatch(/\n {4}at /);
  });
});

describe("help", () => {
  const program = buildProgram({ stdout: process.stdout, stderr: process.stderr, env: {} }, async () => {});
  const commands = program.commands.flatMap((command) => [
    [command.name()],
    ...command.commands.map((below) => [command.name(), below.name()]),
  ]);

  it.each(commands)("of %s has what it does, and an example where it has arguments", async (...path) => {
    const { status, stdout } = await run(...path, "--help");
    expect(status).toBe(0);
    expect(stdout).toContain(`Usage: waybill ${path.join(" ")}`);
    if (path.length === 1) expect(stdout).toContain("Examples:\n");
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThan(130);
  });

  it.each([[], ...commands])("is the same by either name: %s %s", async (...path) => {
    const [asked, named] = await Promise.all([run("help", ...path), run(...path, "--help")]);
    expect(asked).toEqual(named);
  });

  it("of the verbs of a verb is the same by its own name", async () => {
    const [asked, named] = await Promise.all([
      run("registry", "help", "serve"),
      run("registry", "serve", "--help"),
    ]);
    expect(asked).toEqual(named);
  });

  it.each([
    ["help", "nonsense"],
    ["nonsense", "--help"],
    ["help", "registry", "nonsense"],
    ["registry", "nonsense", "-h"],
  ])("of what there is not says so: %s %s", async (...line) => {
    const { status, stdout, stderr } = await run(...line);
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toContain("error: unknown command 'nonsense'");
  });

  it("prints the version", async () => {
    expect(await run("--version")).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    });
  });
});

describe("color", () => {
  const terminal = { write: () => true, isTTY: true };
  const file = { write: () => true };

  it.each([
    [terminal, {}, {}, true],
    [terminal, { TERM: "dumb" }, {}, false],
    [terminal, { NO_COLOR: "1" }, {}, false],
    [terminal, { NO_COLOR: "" }, {}, true],
    [terminal, { NO_COLOR: "1", FORCE_COLOR: "1" }, {}, false],
    [terminal, {}, { color: false }, false],
    [terminal, { FORCE_COLOR: "1" }, { color: false }, false],
    [terminal, {}, { json: true }, false],
    [file, {}, {}, false],
    [file, { FORCE_COLOR: "1" }, {}, true],
    [file, { FORCE_COLOR: "0" }, {}, false],
    [terminal, { FORCE_COLOR: "0" }, {}, false],
  ])("%j with %j and %j: %s", (stream, env, options, wanted) => {
    expect(wantsColor(stream, env, options)).toBe(wanted);
  });

  it("is in errors where it is wanted", async () => {
    const { stderr } = await runWith({ FORCE_COLOR: "1" }, "chekc");
    expect(stderr).toContain("\u001b[31merror:\u001b[39m unknown command");
    expect((await runWith({ FORCE_COLOR: "1" }, "chekc", "--no-color")).stderr).toContain(
      "error: unknown command",
    );
  });
});

describe("what is said beside the result", () => {
  function said(options: { quiet?: boolean; verbose?: boolean }): string {
    let text = "";
    const stderr = { write: (more: string | Uint8Array) => (text += more) };
    const terminal = createTerminal({ stdout: stderr, stderr, env: {} }, options);
    terminal.note("note");
    terminal.warn("act");
    terminal.detail("detail");
    return text;
  }

  it.each([
    [{}, "note\nwarning: act\n"],
    [{ quiet: true }, "warning: act\n"],
    [{ verbose: true }, "note\nwarning: act\ndetail\n"],
  ])("with %j is %j", (options, text) => {
    expect(said(options)).toBe(text);
  });
});
