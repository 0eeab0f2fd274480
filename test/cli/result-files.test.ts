import { execFileSync, spawnSync } from "node:child_process";
import { lstat, mkdir, readdir, readFile, readlink, stat, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readInPieces } from "../../src/cli/result-file.ts";
import { type Ended, executable } from "../support/built.ts";
import { run } from "../support/child.ts";
import { temporaryFolder, writeTree } from "../support/tree.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let tree: string;
let count = 0;

beforeAll(async () => {
  folder = await temporaryFolder("results");
  tree = join(folder.path, "tree");
  const project = { name: "foo", source: "localhost:1/staging", destinations: ["localhost:1/prod"] };
  await writeTree(tree, [{ ...project, images: {} }]);
});

afterAll(async () => {
  await folder.remove();
});

/** A line of a shell in a folder of its own, where `waybill` is the program and `$tree` has nothing to promote. */
async function shell(line: string, files: (dir: string) => Promise<unknown> = async () => {}) {
  count += 1;
  const dir = join(folder.path, String(count));
  await mkdir(dir);
  await files(dir);
  const waybill = `"${process.execPath}" "${executable("waybill")}"`;
  const script = `cd "${dir}"; waybill() { ${waybill} "$@"; }; ${line}`;
  const ended = await run("bash", ["-c", script], { ...process.env, HOME: folder.path, tree });
  return { dir, status: ended.code, stdout: ended.stdout, stderr: ended.stderr };
}

const isPlan = expect.stringContaining('"format": "waybill-plan/2"');

function expectError({ status, stderr }: Pick<Ended, "status" | "stderr">, message: string): void {
  expect(stderr).toContain(`error: the result cannot be written: ${message}`);
  expect(stderr).not.toMatch(/\n {4}at /);
  expect(status).toBe(4);
}

describe("a result goes to what was named for it", () => {
  it("a regular file is replaced as a whole, and keeps its mode", async () => {
    const { dir, status } = await shell('waybill plan "$tree" --out plan.json', async (at) => {
      await writeFile(join(at, "plan.json"), "old", { mode: 0o640 });
    });
    expect(status).toBe(0);
    expect(await readFile(join(dir, "plan.json"), "utf8")).toEqual(isPlan);
    expect((await stat(join(dir, "plan.json"))).mode & 0o777).toBe(0o640);
    expect(await readdir(dir)).toEqual(["plan.json"]);
  });

  it("a link stays one, wherever it leads", async () => {
    const { dir, status } = await shell(
      'waybill plan "$tree" --out there; waybill plan "$tree" --out new',
      async (at) => {
        await writeFile(join(at, "plan.json"), "old");
        await symlink("plan.json", join(at, "there"));
        await symlink("none.json", join(at, "new"));
      },
    );
    expect(status).toBe(0);
    for (const [link, file] of [
      ["there", "plan.json"],
      ["new", "none.json"],
    ] as const) {
      expect((await lstat(join(dir, link))).isSymbolicLink()).toBe(true);
      expect(await readFile(join(dir, file), "utf8")).toEqual(isPlan);
    }
  });

  it("a pipe is written to", async () => {
    const line = 'cat pipe > read & waybill promote "$tree" --report pipe; status=$?; wait; exit $status';
    const { dir, status } = await shell(line, async (at) => execFileSync("mkfifo", [join(at, "pipe")]));
    expect(status).toBe(0);
    expect(JSON.parse(await readFile(join(dir, "read"), "utf8"))).toMatchObject({ asDesired: true });
    expect((await lstat(join(dir, "pipe"))).isFIFO()).toBe(true);
  });

  it("a socket is written to", async () => {
    const received = new Promise<string>((resolve) => {
      const server = createServer((socket) => {
        resolve(text(socket));
        server.close();
      });
      server.listen(join(folder.path, "socket"));
    });
    const { status } = await shell('waybill promote "$tree" --junit ../socket');
    expect(status).toBe(0);
    expect(await received).toContain("<testsuites");
  });

  it("a command of the shell reads it", async () => {
    const line =
      'waybill promote "$tree" --report >(cat > one) --junit >(cat > two); status=$?; wait; exit $status';
    const { dir, status } = await shell(`${line}`);
    expect(status).toBe(0);
    expect(await readFile(join(dir, "one"), "utf8")).toContain("waybill-report/1");
    expect(await readFile(join(dir, "two"), "utf8")).toContain("<testsuites");
  });

  it.each([
    ["a file", "> out; cat out"],
    ["a pipe", "| cat"],
  ])("a link to standard output goes there, after what was printed: %s", async (_, redirection) => {
    const { dir, stdout } = await shell(`waybill plan "$tree" --out link ${redirection}`, (at) =>
      symlink("/dev/fd/1", join(at, "link")),
    );
    expect(stdout).toMatch(/^nothing is asked for\n\{\n[\s\S]*"waybill-plan\/2"/);
    expect((await lstat(join(dir, "link"))).isSymbolicLink()).toBe(true);
  });

  it("another open descriptor is written from where it stands", async () => {
    const { dir } = await shell(
      'exec 3> out; echo before >&3; waybill plan "$tree" --out /dev/fd/3; echo after >&3',
    );
    expect(await readFile(join(dir, "out"), "utf8")).toMatch(/^before\n\{[\s\S]*\}\nafter\n$/);
  });

  it("says before the work what cannot be written to", async () => {
    for (const [name, why] of [
      ["none/report.json", "there is no such folder"],
      ["file/report.json", "what should be a folder is a file"],
      [".", "it is a folder"],
      ["new/", "it is a folder"],
      ["/dev/fd/77", "it is not open for writing"],
    ] as const) {
      const { status, stdout, stderr } = await shell(`touch file; waybill promote "$tree" --report ${name}`);
      expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
      expect(stderr).toContain(`error: the result cannot be written: ${why}\n  at ${name}\n  hint: `);
    }
  });

  it("says before the work of a descriptor that it was not given, or not to write to", async () => {
    for (const redirection of ["3< out", ...Array.from({ length: 20 }, (_, at) => `${at + 3}>&-`)]) {
      const number = Number.parseInt(redirection, 10);
      const line = `touch out; waybill promote "$tree" --report /dev/fd/${number} ${redirection}`;
      const { status, stdout, stderr } = await shell(line);
      expect({ number, status, stdout }).toEqual({ number, status: 1, stdout: "" });
      expect(stderr).toContain("error: the result cannot be written: it is not open for writing\n");
    }
  });

  it("a pipe that this process has at both ends is nobody's, unless it has a name", async () => {
    const { dir, status } = await shell(
      'exec 5<> pipe 6> pipe; waybill plan "$tree" --out /dev/fd/6; status=$?; timeout 1 cat <&5 > read; exit $status',
      async (at) => execFileSync("mkfifo", [join(at, "pipe")]),
    );
    expect(status).toBe(0);
    expect(await readFile(join(dir, "read"), "utf8")).toEqual(isPlan);
  });

  it("- is standard output, and makes no file of that name", async () => {
    for (const line of ['plan "$tree" --out -', 'promote "$tree" --report -', 'promote "$tree" --junit -']) {
      const { dir, status, stdout } = await shell(`waybill ${line}`);
      expect(status).toBe(0);
      expect(stdout).toMatch(/^nothing is asked for\n[{<]/);
      expect(await readdir(dir)).toEqual([]);
    }
  });

  it.each([
    ["one", "./one"],
    ["one", "link"],
    ["-", "/dev/stdout"],
    ["/dev/fd/3", "/dev/fd/3"],
  ])("two results cannot go to one place: %s and %s", async (one, other) => {
    const { dir, status, stdout, stderr } = await shell(
      `exec 3> three; waybill promote "$tree" --report ${one} --junit ${other}`,
      (at) => symlink("one", join(at, "link")),
    );
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toContain(`error: two results cannot go to one place: "${one}" and "${other}"\n`);
    expect((await readdir(dir)).sort()).toEqual(["link", "three"]);
  });

  it("a device takes any number of them", async () => {
    expect(await shell('waybill promote "$tree" --report /dev/null --junit /dev/null')).toMatchObject({
      status: 0,
    });
  });

  it("a command of the shell that has ended is no longer waited for", async () => {
    const line = 'exec 3> >(exit 0); wait $!; waybill plan "$tree" --out /dev/fd/3';
    const ended = await shell(line);
    expectError(ended, "nobody reads it");
  });

  const canMount = spawnSync("unshare", ["--map-root-user", "--mount", "true"]).status === 0;
  const reason = canMount ? "" : " [skipped: no mount namespaces]";
  (canMount || process.env.CI === "true" ? it : it.skip)(
    `a file that was mounted is written in its place${reason}`,
    async () => {
      const line =
        'unshare --map-root-user --mount bash -c "mount --bind real mounted; $(declare -f waybill); waybill plan $tree --out mounted"';
      const { dir, status } = await shell(line, async (at) => {
        await writeFile(join(at, "real"), "old".repeat(10_000));
        await writeFile(join(at, "mounted"), "");
      });
      expect(status).toBe(0);
      expect(JSON.parse(await readFile(join(dir, "real"), "utf8"))).toMatchObject({
        format: "waybill-plan/2",
      });
    },
  );
});

describe("what cannot be written", () => {
  it.each([
    ["--report", "--junit"],
    ["--junit", "--report"],
  ])("%s to a full disk is an error of its own, after the summary and %s", async (full, other) => {
    const { dir, stdout, ...ended } = await shell(
      `waybill promote "$tree" ${full} link ${other} other`,
      (at) => symlink("/dev/full", join(at, "link")),
    );
    expectError(ended, "the disk is full\n  at link");
    expect(stdout).toContain("nothing is asked for");
    expect((await stat(join(dir, "other"))).size).toBeGreaterThan(0);
    expect((await lstat(join(dir, "link"))).isSymbolicLink()).toBe(true);
  });

  it.each([
    'plan "$tree"',
    'plan "$tree" --json',
    'check "$tree" --json',
    "completion bash",
    "--help",
    "--version",
    "check nowhere --json",
  ])("standard output on a full disk: waybill %s", async (line) => {
    const ended = await shell(`waybill ${line} > /dev/full`);
    if (line.includes("nowhere")) {
      expect(ended.status).toBe(1);
      expect(ended.stderr).toContain("the disk is full");
    } else expectError(ended, "the disk is full\n  at standard output");
  });

  it("a file that takes only the beginning is a failure, too", async () => {
    expectError(await shell("ulimit -f 1; waybill completion bash > out"), "the file is too large");
  });

  it("standard error on a full disk leaves the result as it is", async () => {
    const { status, stdout } = await shell('waybill plan "$tree" 2> /dev/full');
    expect({ status, stdout }).toEqual({ status: 4, stdout: "nothing is asked for\n" });
  });

  it("a reader that leaves early is no failure", async () => {
    const line = 'waybill completion bash | head -c 1 > /dev/null; echo "$PIPESTATUS"';
    expect(await shell(line)).toMatchObject({ stdout: "0\n", stderr: "" });
  });
});

describe("what is read", () => {
  it.each([
    ["promote --plan", 'promote "$tree" --plan /dev/zero'],
    ["hold --token-file", "hold https://localhost:1/a/b/pull/1 --forge github --token-file /dev/zero"],
    ["registry serve --htpasswd", "registry serve --dir d --listen 127.0.0.1:0 --htpasswd /dev/zero"],
    [
      "registry serve --tls-cert",
      "registry serve --dir d --listen 127.0.0.1:0 --tls-cert /dev/zero --tls-key /dev/zero",
    ],
    ["--config", 'plan "$tree" --config /dev/zero'],
    ["tls.ca", "inspect localhost:1/a:b --config endless.yaml"],
  ])("from something without end is refused: %s", async (_, line) => {
    const { status, stderr } = await shell(`ulimit -d 1500000; waybill ${line}`, (at) =>
      writeFile(join(at, "endless.yaml"), 'hosts:\n  "localhost:1":\n    tls: { ca: /dev/zero }\n'),
    );
    expect(stderr).toMatch(
      /error: .*(?:more than \d+ bytes|cannot be read|not a regular file|expected a regular file)/,
    );
    expect(status).toBe(1);
  });

  it("comes from a command of the shell as well", async () => {
    const line = 'waybill plan "$tree" --out plan.json; waybill promote "$tree" --plan <(cat plan.json)';
    expect(await shell(line)).toMatchObject({ status: 0 });
  });
});

describe("job files", () => {
  it("are written whole or not at all: what failed for want of room can be repaired by running again", async () => {
    const jobs = [
      "postsubmits:",
      "  kubernetes/foo:",
      "  - name: push-foo",
      "    decorate: true",
      "    branches: [main]",
      "    spec:",
      "      containers:",
      "      - image: gcr.io/k8s-staging-test-infra/image-builder:v1",
      "        command: [/run.sh]",
      "        args: [--project=k8s-staging-foo, .]",
      "",
    ].join("\n");
    const line = "(ulimit -f 0; waybill import prow jobs.yaml --out jobs)";
    const { dir, status, stderr } = await shell(line, (at) => writeFile(join(at, "jobs.yaml"), jobs));
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringContaining("error: the file is too large"),
    });
    expect(await readdir(dir)).toEqual(["jobs.yaml"]);
    const again = await shell(`cd "${dir}"; waybill import prow jobs.yaml --out jobs`);
    expect(again).toMatchObject({ status: 0, stdout: "jobs/push-foo.yaml\n" });
  });
});

it.runIf(process.platform === "linux")("a file that is not read to its end is closed", async () => {
  const path = join(folder.path, "read-in-part");
  await writeFile(path, Buffer.alloc(1 << 20));
  for await (const bytes of readInPieces(path)) {
    expect(bytes.length).toBeGreaterThan(0);
    break;
  }
  const open = await readdir("/proc/self/fd");
  const targets = await Promise.all(open.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => "")));
  expect(targets).not.toContain(path);
});
