import { chmod, mkdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, vi } from "vitest";
import {
  checkoutPush,
  describeCheckout,
  openClone,
  openGitRepository,
  readPush,
} from "../../src/git/index.ts";
import { outputOf } from "../support/child.ts";
import { createRepository, gitEnvironment, repositoryAt, type TestRepository } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import { temporaryFolder } from "../support/tree.ts";

const test = testWith("git");

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let upstream: TestRepository;
let checkout: TestRepository;
/** Writes what it was started as, and what it saw of the environment, to a file. */
let program: string;

const secret = "hunter2";
const environment = { ...gitEnvironment, GITHUB_TOKEN: secret, REGISTRY_PASSWORD: secret };

beforeEach(async () => {
  folder = await temporaryFolder("hostile");
  upstream = await createRepository(join(folder.path, "upstream"));
  await writeFile(join(upstream.path, "file"), "one\n");
  await upstream.commit("first");
  await mkdir(join(upstream.path, "below"));
  await writeFile(join(upstream.path, "below", "file"), "two\n");
  await upstream.commit("second");
  checkout = repositoryAt(join(folder.path, "checkout"));
  await upstream.git("clone", "--quiet", upstream.path, checkout.path);
  program = join(folder.path, "program");
  await writeFile(
    program,
    `#!/bin/sh\necho "$0 $* $GITHUB_TOKEN" >> ${folder.path}/ran\ntest -z "$*" || exit 1\ncat\n`,
  );
  await chmod(program, 0o755);
});

afterEach(() => folder.remove());

const ran = () => readFile(join(folder.path, "ran"), "utf8").catch(() => "");

/** Everything that is done with Git, in a checkout; what is refused is as good as what is not run. */
async function doEverything(): Promise<void> {
  // As after a copy: Git has to look into the files again.
  await utimes(join(checkout.path, "file"), new Date(0), new Date(0));
  const attempts = [
    () => describeCheckout(checkout.path, {}, environment),
    async () => {
      const repository = await openGitRepository(checkout.path, environment);
      const [head, base] = [await repository.commitOf("HEAD"), await repository.commitOf("HEAD~1")];
      await repository.firstParent(head);
      await repository.mergeBase(head, base);
      await repository.oldestSince("14.days");
      for (const commit of [head, base]) {
        const files = repository.filesAt(commit);
        await files.list("").catch(() => undefined);
        await files.read("file", 1_000).catch(() => undefined);
        files.close();
      }
      await repository.commitOf("no-such-branch");
    },
    async () => {
      const push = await readPush(checkout.path, { environment });
      const files = await checkoutPush(push, environment);
      await files.close();
    },
    async () => {
      const clone = await openClone({
        ...{ upstream: upstream.path, branch: "main", checkout: checkout.path, environment },
      });
      await writeFile(join(clone.folder, "file"), "three\n");
      await clone.commit({ files: ["file"], message: "change", signOff: true });
      await clone.close();
    },
  ];
  for (const attempt of attempts) await attempt().catch(() => undefined);
}

/** Keys of Git's configuration that hold a program, or have one be run: those that the installed Git knows, and others. */
async function keysOfPrograms(): Promise<readonly string[]> {
  const known = (await outputOf("git", ["help", "--config-for-completion"], gitEnvironment)).split("\n");
  const named = known.filter((key) =>
    /command|cmd|program|helper|hook|editor|pager|proxy|askpass|textconv|clean|smudge|process|driver|external|tool|pack$|alias|vcs|fsmonitor|path/i.test(
      key,
    ),
  );
  const others = [
    ...[
      "core.sshCommand",
      "core.fsmonitor",
      "core.hooksPath",
      "core.gitProxy",
      "core.askPass",
      "core.editor",
    ],
    ...["core.pager", "core.alternateRefsCommand", "filter.<driver>.clean", "filter.<driver>.smudge"],
    ...["filter.<driver>.process", "diff.external", "diff.<driver>.command", "diff.<driver>.textconv"],
    ...[
      "merge.<driver>.driver",
      "gpg.program",
      "gpg.ssh.program",
      "gpg.ssh.defaultKeyCommand",
      "gpg.x509.program",
    ],
    ...["gpg.openpgp.program", "credential.helper", "credential.<url>.helper", "remote.<name>.uploadpack"],
    ...[
      "remote.<name>.receivepack",
      "remote.<name>.vcs",
      "remote.<name>.proxy",
      "uploadpack.packObjectsHook",
    ],
    ...["sequence.editor", "pager.<cmd>", "alias.<name>", "trailer.<token>.command", "trailer.<token>.cmd"],
    ...["interactive.diffFilter", "submodule.<name>.update", "sendemail.sendmailCmd", "hook.<name>.command"],
  ];
  const names = { driver: "evil", name: "origin", tool: "evil", cmd: "log", url: "https://x.invalid" };
  const full = [...named, ...others].map((key) =>
    key.trim().replace(/<(\w+)>|\*/g, (_all, name: string) => names[name as keyof typeof names] ?? "evil"),
  );
  return [...new Set(full)].filter((key) => /^[\w-]+\.(?:.+\.)?[a-z][\w-]*$/i.test(key));
}

/** Whether Git goes on with the key set to a program: where a number or a switch is due, it says so and ends. */
async function takesWords(key: string): Promise<boolean> {
  const setting = ["-c", `${key}=${program}`];
  const attempts = [upstream.git(...setting, "log", "-1"), upstream.git(...setting, "status")];
  return Promise.all(attempts).then(
    () => true,
    () => false,
  );
}

describe("a checkout with a configuration of its own", () => {
  /** Attributes, settings and lost objects that have Git ask for whatever is configured. */
  async function provoke(): Promise<void> {
    await mkdir(join(checkout.path, ".git", "info"), { recursive: true });
    await writeFile(
      join(checkout.path, ".git", "info", "attributes"),
      "* filter=evil diff=evil merge=evil\n",
    );
    await writeFile(join(checkout.path, ".git", "hooks", "post-checkout"), `#!/bin/sh\n${program}\n`, {
      mode: 0o755,
    });
    for (const setting of [
      "commit.gpgSign",
      "log.showSignature",
      "filter.evil.required",
      "diff.evil.cachetextconv",
    ]) {
      await checkout.git("config", setting, "true");
    }
    await checkout.git("config", "core.repositoryFormatVersion", "1");
    await checkout.git("config", "extensions.partialClone", "origin");
    await checkout.git("config", "remote.origin.promisor", "true");
    const blob = await checkout.git("rev-parse", "HEAD~1:file");
    await checkout.git("unpack-objects").catch(() => undefined);
    await rm(join(checkout.path, ".git", "objects", blob.slice(0, 2), blob.slice(2)), { force: true });
  }

  for (const url of ["ssh://x.invalid/y", "ext::", "file://", "git://x.invalid/y", "https://x.invalid/y"]) {
    test(`has no program run for it, whatever key names one, with a remote at ${url}`, async () => {
      await provoke();
      const at = { "ext::": `ext::${program} %S`, "file://": `file://${upstream.path}` }[url] ?? url;
      await checkout.git("config", "remote.origin.url", at);
      const keys = await keysOfPrograms();
      expect(keys.length).toBeGreaterThan(60);
      const usable: string[] = [];
      for (const key of keys) if (await takesWords(key)) usable.push(key);
      // Where there is a process, Git asks no other filter.
      if (!url.includes("//x")) usable.splice(usable.indexOf("filter.evil.process"), 1);
      const text = usable.map((key) => {
        const [, section = "", subsection = "", name = ""] =
          /^([\w-]+)\.(?:(.+)\.)?([\w-]+)$/.exec(key) ?? [];
        const head = subsection === "" ? `[${section}]` : `[${section} "${subsection}"]`;
        return `${head}\n\t${name} = ${/hookspath/i.test(key) ? join(checkout.path, ".git", "hooks") : program}\n`;
      });
      const included = join(checkout.path, ".git", "more");
      await writeFile(included, text.join(""));
      await checkout.git("config", "include.path", included);
      await checkout.git("status").catch(() => undefined);
      expect(await ran(), "Git itself runs it").not.toBe("");
      await rm(join(folder.path, "ran"));
      await doEverything();
      expect(await ran()).toBe("");
    });
  }

  test("with a pipe among its files is given up, not waited for", async () => {
    const pipe = join(folder.path, "pipe");
    await outputOf("mkfifo", [pipe]);
    await checkout.git("config", "include.path", pipe);
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const opening = openGitRepository(checkout.path, environment).catch((error: unknown) => error);
      await vi.waitFor(() => expect(vi.getTimerCount()).toBeGreaterThan(0));
      await vi.advanceTimersByTimeAsync(6 * 60_000);
      expect(await opening).toMatchObject({
        code: "git-failed",
        message: "git config has said nothing for 5 minutes",
      });
    } finally {
      vi.useRealTimers();
    }
  });

  test("may configure what names no program, and is described as it is", async () => {
    const settings = {
      ...{
        "core.commentChar": ";",
        "diff.algorithm": "patience",
        "diff.ignoreSubmodules": "all",
        "log.date": "iso",
      },
      ...{
        "merge.conflictStyle": "diff3",
        "push.default": "current",
        "core.autocrlf": "input",
        "user.name": "Ann",
      },
      ...{ "core.whitespace": "trailing-space", "core.sharedRepository": "group", "pack.threads": "1" },
      ...{ "filter.evil.clean": program, "filter.evil.required": "true" },
    };
    for (const [key, value] of Object.entries(settings)) await checkout.git("config", key, value);
    await writeFile(join(checkout.path, ".git", "info", "attributes"), "* filter=evil\n");
    await utimes(join(checkout.path, "file"), new Date(0), new Date(0));
    expect(await describeCheckout(checkout.path, {}, environment)).toMatchObject({ isDirty: false });
    await writeFile(join(checkout.path, "file"), "changed\n");
    expect(await describeCheckout(checkout.path, {}, environment)).toMatchObject({ isDirty: true });
    expect(await ran()).toBe("");
  });

  test("says who commits, but not by what program", async () => {
    await checkout.git("config", "user.name", "Ann");
    await checkout.git("config", "core.editor", program);
    const options = { upstream: upstream.path, branch: "main", checkout: checkout.path };
    const { GIT_AUTHOR_NAME: _author, ...rest } = gitEnvironment;
    const clone = await openClone({ ...options, environment: rest });
    await writeFile(join(clone.folder, "file"), "three\n");
    const commit = await clone.commit({ files: ["file"], message: "change", signOff: false });
    expect(await repositoryAt(clone.folder).git("log", "-1", "--format=%an", commit)).toBe("Ann");
    await clone.close();
  });

  test("is dirty by what is in its submodules, whose configuration counts as little", async () => {
    await checkout.git(
      "-c",
      "protocol.file.allow=always",
      "submodule",
      "--quiet",
      "add",
      upstream.path,
      "part",
    );
    await checkout.commit("with a part");
    const part = repositoryAt(join(checkout.path, "part"));
    await part.git("config", "filter.evil.clean", program);
    const gitFolder = await part.git("rev-parse", "--absolute-git-dir");
    await mkdir(join(gitFolder, "info"), { recursive: true });
    await writeFile(join(gitFolder, "info", "attributes"), "* filter=evil\n");
    await utimes(join(part.path, "file"), new Date(0), new Date(0));
    expect(await describeCheckout(checkout.path, {}, environment)).toMatchObject({ isDirty: false });
    await writeFile(join(part.path, "file"), "changed\n");
    expect(await describeCheckout(checkout.path, {}, environment)).toMatchObject({ isDirty: true });
    expect(await ran()).toBe("");
  });
});

describe("what the user has configured", () => {
  test("is run where a host is to be reached, and nowhere else is a secret seen", async () => {
    const config = join(folder.path, "gitconfig");
    await writeFile(config, `[core]\n\tsshCommand = ${program}\n[filter "evil"]\n\tclean = ${program}\n`);
    const own = { ...environment, GIT_CONFIG_GLOBAL: config };
    await checkout.git("config", "core.sshCommand", "not-this-one");
    const opening = openClone({
      ...{ upstream: "ssh://x.invalid/y", branch: "main", checkout: checkout.path, environment: own },
    });
    await expect(opening).rejects.toMatchObject({ code: "unreachable" });
    expect(await ran()).toContain("x.invalid git-upload-pack");
    await rm(join(folder.path, "ran"));
    await writeFile(join(checkout.path, ".git", "info", "attributes"), "* filter=evil\n");
    await utimes(join(checkout.path, "file"), new Date(0), new Date(0));
    await describeCheckout(checkout.path, {}, own);
    expect(await ran()).toContain(program);
    expect(await ran()).not.toContain(secret);
  });
});
