import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { executable } from "../support/built.ts";
import { outputOf } from "../support/child.ts";
import { testWith } from "../support/programs.ts";
import { prompt, ShellInTerminal } from "../support/shell-in-terminal.ts";
import { temporaryFolder, writeFiles, writeTree } from "../support/tree.ts";
import { run } from "./captured.ts";

const shells = ["bash", "zsh", "fish"] as const;
const digest = `sha256:${"0".repeat(64)}`;

/** Names of projects that a shell could take for something else, or a terminal. */
const odd = [
  "my project",
  "it's",
  'say "hi"',
  "$(touch ran)",
  "`touch ran`",
  "a;touch ran",
  "!!",
  "~",
  "é",
  "a:b",
];
const harmful = ["red\u001b[31m", "two\nlines", "tab\tstop", "right\u202eleft"];

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let work: string;

beforeAll(async () => {
  folder = await temporaryFolder("completion");
  work = join(folder.path, "work");
  const images = (...names: string[]) =>
    Object.fromEntries(names.map((name) => [name, { [digest]: [`v1-${name}`, `v2-${name}`] }]));
  await writeTree(join(work, "tree"), [
    {
      name: "etcd",
      source: "localhost:5000/staging-etcd",
      destinations: ["eu.example.com/etcd", "us.example.com:5000/etcd"],
      images: images("etcd", "etcd-tools"),
    },
    {
      name: "kops",
      source: "localhost:5000/staging-kops",
      destinations: ["eu.example.com/kops"],
      images: images("dns-controller"),
    },
  ]);
  await writeTree(join(work, "odd tree"), [
    ...[...odd, ...harmful].map((name) => ({
      name,
      source: "localhost/staging",
      destinations: ["localhost/production"],
      images: images("app"),
    })),
  ]);
  await writeFiles(work, { "notes.yaml": "", "keys/key.pem": "" });
  await mkdir(join(folder.path, "home"));
  const program = `#!/bin/sh\nexec '${process.execPath}' '${executable("waybill")}' "$@"\n`;
  await writeFiles(join(folder.path, "bin"), { waybill: program });
});

afterAll(() => folder.remove());

/** What a shell reads when it starts, before the script. */
const settings = {
  bash: `PS1='${prompt}'; bind 'set show-all-if-ambiguous on'; bind 'set completion-query-items 0'; bind 'set page-completions off'`,
  zsh: `PROMPT='${prompt}'; RPROMPT=; bindkey -e; LISTMAX=1000; unsetopt list_ambiguous auto_remove_slash; autoload -Uz compinit; compinit -u -D`,
  fish: `function fish_prompt; echo -n '${prompt}'; end; set -g fish_autosuggestion_enabled 0; set -g fish_greeting`,
};

const starts = {
  bash: (file: string) => `bash --noprofile --rcfile ${file} -i`,
  zsh: () => "zsh -d -i",
  fish: (file: string) => `fish --no-config -i -C 'source ${file}'`,
};

async function open(shell: (typeof shells)[number]): Promise<ShellInTerminal> {
  const { status, stdout } = await run("completion", shell);
  expect(status).toBe(0);
  expect(await run("completion", shell, "--json")).toMatchObject({ status, stdout });
  const home = join(folder.path, "home");
  const file = join(home, ".zshrc");
  const own = shell === "zsh" ? file : join(home, shell);
  await writeFile(own, `${settings[shell]}\n${stdout}`);
  const env = { PATH: `${join(folder.path, "bin")}:${process.env.PATH}`, HOME: home, ZDOTDIR: home };
  return new ShellInTerminal(starts[shell](own), work, env);
}

describe.each(shells)("completion in %s, where somebody presses Tab,", (shell) => {
  const test = testWith(shell, "script");
  let terminal: ShellInTerminal;
  beforeAll(async () => {
    terminal = await open(shell);
  });
  afterAll(() => terminal?.close());
  const words = async (line: string): Promise<readonly string[]> =>
    (await terminal.complete(line)).words.slice(1);

  test("completes verbs, and those that stand in others", async () => {
    expect(await words("waybill insp")).toEqual(["inspect"]);
    expect(await words("waybill registry sn")).toEqual(["registry", "snapshot"]);
    expect(await words("waybill help regi")).toEqual(["help", "registry"]);
  });

  test("lists verbs with what they mean, and no old ones, no files", async () => {
    const { drawn } = await terminal.complete("waybill ", "promote", "verify", "check", "registry");
    expect(drawn).toContain("find all that is wrong with manifests");
    for (const hidden of ["unhold", "release-tags", "kpromo", "complete ", "notes.yaml"]) {
      expect(drawn).not.toContain(hidden);
    }
    const { drawn: below } = await terminal.complete("waybill registry ", "serve", "gc");
    expect(below).not.toMatch(/notes.yaml|keys|promote/);
  });

  test("completes flags, and lists them with what they mean, without old ones", async () => {
    expect(await words("waybill plan --exit")).toEqual(["plan", "--exit-code"]);
    const { drawn } = await terminal.complete("waybill promote --", "--confirm", "--no-color", "--plan");
    expect(drawn).toContain("print without colors");
    expect(drawn).not.toMatch(/--since\s|--junit|notes.yaml/);
  });

  test("completes fixed values, in both spellings", async () => {
    expect(await words("waybill promote --output js")).toEqual(["promote", "--output", "json"]);
    expect(await words("waybill check --output=sa")).toEqual(["check", "--output=sarif"]);
    expect(await words("waybill promote -o juni")).toEqual(["promote", "-o", "junit"]);
  });

  test("completes files and folders where there is a tree or a file, and folders alone where there is one", async () => {
    expect(await words("waybill check tre")).toEqual(["check", "tree/"]);
    expect(await words("waybill check not")).toEqual(["check", "notes.yaml"]);
    expect(await words("waybill check odd")).toEqual(["check", "odd tree/"]);
    expect(await words("waybill promote --plan not")).toEqual(["promote", "--plan", "notes.yaml"]);
    expect(await words("waybill promote --output json=not")).toEqual([
      "promote",
      "--output",
      "json=notes.yaml",
    ]);
    expect(await words("waybill promote --output=json=keys/k")).toEqual([
      "promote",
      "--output=json=keys/key.pem",
    ]);
    expect(await words("waybill merge tre")).toEqual(["merge", "tree/"]);
    expect(await words("waybill build ke")).toEqual(["build", "keys/"]);
    expect(await words("waybill build not")).toEqual(["build", "not"]);
  });

  test("completes projects, images, tags and registries of the tree of the line", async () => {
    expect(await words("waybill check tree --project ko")).toEqual(["check", "tree", "--project", "kops"]);
    expect(await words("waybill check tree --project=ko")).toEqual(["check", "tree", "--project=kops"]);
    expect(await words("waybill plan tree --image dns")).toEqual([
      "plan",
      "tree",
      "--image",
      "dns-controller",
    ]);
    expect(await words("waybill plan tree --tag v2-d")).toEqual([
      "plan",
      "tree",
      "--tag",
      "v2-dns-controller",
    ]);
    expect(await words("waybill plan tree --to us")).toEqual([
      "plan",
      "tree",
      "--to",
      "us.example.com:5000/etcd",
    ]);
    expect(await words("waybill plan tree --to us.example.com:5")).toEqual([
      "plan",
      "tree",
      "--to",
      "us.example.com:5000/etcd",
    ]);
    expect(await words("waybill merge --base-dir tree --staging-repo localhost:5000/staging-k")).toEqual([
      "merge",
      "--base-dir",
      "tree",
      "--staging-repo",
      "localhost:5000/staging-kops",
    ]);
  });

  test("lists and completes behind what ends a word in some shells", async () => {
    const { words: left } = await terminal.complete("waybill check tree --project=", "etcd", "kops");
    expect(left.slice(3)).toEqual(["--project="]);
    expect((await words("waybill plan tree --to us.example.com:")).slice(3)).toEqual([
      "us.example.com:5000/etcd",
    ]);
    expect((await words("waybill plan tree --to=us.example.com:")).slice(2)).toEqual([
      "--to=us.example.com:5000/etcd",
    ]);
    await terminal.complete("waybill check --output=", "sarif", "text");
  });

  test("lists those of what is selected", async () => {
    const { drawn } = await terminal.complete(
      "waybill plan tree --project etcd --tag ",
      "v1-etcd",
      "v2-etcd-tools",
    );
    expect(drawn).not.toContain("dns-controller");
    const { drawn: fewer } = await terminal.complete(
      "waybill plan tree --image etcd-tools --tag ",
      "v1-etcd-tools",
      "v2-etcd-tools",
    );
    expect(fewer).not.toMatch(/v1-etcd\s/);
  });

  test("offers nothing, and says nothing, where there is nothing", async () => {
    for (const line of [
      "check none --project e",
      "plan keys --tag v",
      "digest x",
      "plan --nope=x",
      "frob x",
    ]) {
      const { words: left, drawn } = await terminal.complete(`waybill ${line}`);
      expect(left.join(" ")).toBe(`waybill ${line}`);
      expect(drawn).not.toMatch(/error|hint/);
    }
  });

  test("takes names for names", async () => {
    const typed = {
      "my project": "my",
      "it's": "it",
      'say "hi"': "sa",
      "a;touch ran": "a\\;",
      é: "é",
      "a:b": "a:",
    };
    for (const [name, begun] of Object.entries(typed)) {
      expect(await words(`waybill check odd\\ tree --project ${begun}`)).toEqual([
        "check",
        "odd tree",
        "--project",
        name,
      ]);
    }
    expect(await words("waybill check 'odd tree' --project \\$")).toEqual([
      "check",
      "odd tree",
      "--project",
      "$(touch ran)",
    ]);
    expect(await words('waybill check "odd tree" --project \\`')).toEqual([
      "check",
      "odd tree",
      "--project",
      "`touch ran`",
    ]);
    expect(existsSync(join(work, "ran"))).toBe(false);
  });

  test("draws nothing that steers the terminal, and runs nothing of a line that is not run", async () => {
    const { raw, drawn } = await terminal.complete("waybill check odd\\ tree --project ", "my", "touch");
    expect(drawn).not.toMatch(/red|two|stop|right/);
    expect(raw).not.toContain("\u202e");
    await terminal.complete("waybill check $(touch tree) --project e", ...[]);
    expect(existsSync(join(work, "ran"))).toBe(false);
  });
});

/** What bash 3.2 lacks, which is that of macOS, is taken from the bash that is here; its words end at spaces alone. */
describe("completion in a bash before 4.0", () => {
  const test = testWith("bash");

  const withoutNews = "enable -n compopt mapfile readarray; unset COMP_TYPE";
  const complete = async (line: string, replaced: string): Promise<readonly string[]> => {
    const { stdout: script } = await run("completion", "bash");
    const words = line.split(" ");
    const set = words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
    const last = words.length - 1;
    const call = [
      `COMP_LINE='${line.replaceAll("'", "'\\''")}' COMP_POINT=${Buffer.byteLength(line)} COMP_WORDS=(${set}) COMP_CWORD=${last}`,
      `COMPREPLY=(); _waybill waybill '${replaced}' ''`,
      `printf '[%s]\\n' "\${COMPREPLY[@]}"`,
    ];
    const env = { ...process.env, PATH: `${join(folder.path, "bin")}:${process.env.PATH}` };
    const text = `${withoutNews}\ncd '${work}'\n${script}\n${call.join("\n")}\n`;
    return (await outputOf("bash", ["--noprofile", "--norc", "-c", text], env)).trimEnd().split("\n");
  };

  test("completes what the shell replaces of a word, and says itself how words end", async () => {
    expect(await complete("waybill insp", "insp")).toEqual(["[inspect ]"]);
    expect(await complete("waybill check --output=sa", "sa")).toEqual(["[sarif ]"]);
    expect(await complete("waybill plan tree --to us.example.com:5", "5")).toEqual(["[5000/etcd ]"]);
    expect(await complete("waybill check tre", "tre")).toEqual(["[tree/]"]);
    expect(await complete("waybill check odd", "odd")).toEqual(["[odd\\ tree/]"]);
    expect(await complete("waybill promote --plan not", "not")).toEqual(["[notes.yaml ]"]);
    expect(await complete("waybill promote --output=json=keys/k", "keys/k")).toEqual(["[keys/key.pem ]"]);
    expect(await complete("waybill build ke", "ke")).toEqual(["[keys/]"]);
    expect(await complete("waybill build not", "not")).toEqual(["[]"]);
    expect(await complete("waybill check 'odd", "odd")).toEqual(["[odd tree/]"]);
  });

  test("lists no meanings, for which there is no sign", async () => {
    const all = await complete("waybill registry ", "");
    expect(all).toContain("[serve ]");
    expect(all.join("")).not.toContain("  ");
  });

  test("needs nothing newer", async () => {
    const { stdout } = await run("completion", "bash");
    expect(stdout).not.toMatch(
      /mapfile|readarray|\[-\d+\]|@[A-Za-z]\}|\$\{\w+[,^]|declare -[Ag]|\|&|&>>|;;&|;&/,
    );
    expect(stdout).toContain('eval "$(waybill completion bash)"');
  });
});

describe("waybill complete", () => {
  const ask = async (...line: string[]): Promise<readonly string[]> => {
    const { status, stdout, stderr } = await run("complete", "--shell", "zsh", "--", "waybill", ...line);
    expect([status, stderr]).toEqual([0, ""]);
    return stdout.split("\n").slice(2, -1);
  };

  it("reads what a line names, and no list of a large tree that nobody waits for", async () => {
    const large = join(folder.path, "large");
    const tags = Array.from({ length: 200 }, (_, at) => `v1.0.${at}`);
    const digests = Array.from({ length: 200 }, (_, at) => `sha256:${String(at).padStart(64, "0")}`);
    const projects = Array.from({ length: 60 }, (_, at) => ({
      name: `project-${at}`,
      source: `localhost/staging-${at}`,
      destinations: ["localhost/production"],
      images: {
        [`image-${at}`]: Object.fromEntries(digests.map((digest, index) => [digest, [`${tags[index]}`]])),
      },
    }));
    await writeTree(large, projects);
    expect(await ask("check", large, "--project", "")).toHaveLength(60);
    const some = (await ask("check", large, "--image", "")).length;
    expect(some).toBeGreaterThan(10);
    expect(some).toBeLessThan(60);
    expect(await ask("check", large, "--project", "project-59", "--image", "")).toEqual(["image-59"]);
    expect(await ask("check", large, "--project", "project-59", "--tag", "v1.0.199")).toContain("v1.0.199");
  });

  it("knows the help of every place", async () => {
    expect((await ask("registry", "-")).map((line) => line.split("\t")[0])).toContain("--help");
    expect((await ask("help", "")).map((line) => line.split("\t")[0])).toContain("promote");
  });
});
