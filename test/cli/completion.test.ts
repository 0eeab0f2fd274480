import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { testWith } from "../support/programs.ts";
import { run } from "./captured.ts";

const shells = ["bash", "zsh", "fish"] as const;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "waybill-completion-"));
  for (const shell of shells) {
    const { status, stdout } = await run("completion", shell);
    expect(status).toBe(0);
    writeFileSync(join(folder, shell), stdout);
  }
});

afterAll(() => rmSync(folder, { recursive: true }));

/** What the shell offers after these words, the last of which is being typed. */
const offers: Readonly<Record<(typeof shells)[number], (words: readonly string[]) => string[]>> = {
  bash: (words) => {
    const script = [
      `source ${join(folder, "bash")}`,
      `COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}) COMP_CWORD=${words.length - 1}`,
      "_waybill",
      `printf "%s\\n" "\${COMPREPLY[@]}"`,
    ].join("\n");
    return lines(execFileSync("bash", ["--norc", "-c", script], { encoding: "utf8" }));
  },
  // The completion system needs a terminal; its functions are replaced by ones that print what they are given.
  zsh: (words) => {
    const script = [
      "compdef() { : }",
      "_files() { : }",
      'compadd() { shift; print -rl -- "$@" }',
      `_describe() { for option in "\${(@P)2}"; do print -r -- "\${option%%:*}"; done }`,
      `source ${join(folder, "zsh")}`,
      `words=(${words.map((word) => `'${word}'`).join(" ")}) CURRENT=${words.length}`,
      "_waybill",
    ].join("\n");
    const typed = words.at(-1) ?? "";
    return lines(execFileSync("zsh", ["-f", "-c", script], { encoding: "utf8" })).filter((word) =>
      word.startsWith(typed),
    );
  },
  fish: (words) => {
    const script = `source ${join(folder, "fish")}; complete -C '${words.join(" ")}'`;
    const output = execFileSync("fish", ["--no-config", "-c", script], { encoding: "utf8" });
    return lines(output).map((line) => line.split("\t")[0] ?? "");
  },
};

function lines(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}

describe.each(shells)("completion for %s", (shell) => {
  const test = testWith(shell);

  test("offers commands", () => {
    expect(offers[shell](["waybill", "compl"])).toEqual(["completion"]);
  });

  test("offers subcommands and not those of another place", () => {
    const offered = offers[shell](["waybill", "registry", ""]);
    expect(offered).toContain("serve");
    expect(offered).not.toContain("completion");
  });

  test("offers the options of a subcommand and those of all", () => {
    const offered = offers[shell](["waybill", "registry", "serve", "--"]);
    expect(offered).toEqual(expect.arrayContaining(["--dir", "--htpasswd", "--json"]));
  });

  test("offers the values that an option may have", () => {
    expect(offers[shell](["waybill", "check", "--output", "s"])).toEqual(["sarif"]);
  });
});
