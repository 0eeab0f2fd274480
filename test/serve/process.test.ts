import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { executable, start } from "../support/built.ts";
import { start as startUntilLine } from "../support/child.ts";
import { gitEnvironment } from "../support/git.ts";
import { temporaryFolder } from "../support/tree.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  folder = await temporaryFolder("serve");
  env = {
    ...gitEnvironment,
    HOME: folder.path,
    WAYBILL_CONFIG: "/dev/null",
    WAYBILL_DATA: join(folder.path, "data"),
  };
  await mkdir(join(folder.path, "jobs"));
});

afterAll(() => folder.remove());

const line = (...words: string[]): string[] => [
  ...["serve", "--jobs", join(folder.path, "jobs"), "--listen", "127.0.0.1:0"],
  ...words,
];

test("a first start needs no settings, and a signal ends it in order", { timeout: 120_000 }, async () => {
  const running = await startUntilLine(process.execPath, [executable("waybill"), ...line()], env);
  try {
    const url = running.firstLine.replace("serving at ", "");
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    const token = (await readFile(join(folder.path, "data", "admin-token"), "utf8")).trim();
    const ask = (path: string, headers: Record<string, string> = {}) => fetch(`${url}${path}`, { headers });
    expect((await ask("/readyz")).status).toBe(200);
    expect((await ask("/api/v1/runs")).status).toBe(401);
    expect((await ask("/api/v1/runs", { authorization: `Bearer ${token}` })).status).toBe(200);

    const second = await start(executable("waybill"), line(), env).ended;
    expect(second).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("has the database in this folder open"),
    });

    const ended = once(running.process, "exit");
    running.process.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);
  } finally {
    await running.kill();
  }
});

test("what is wrong is told all at once, and nothing is begun", { timeout: 120_000 }, async () => {
  await writeFile(join(folder.path, "jobs", "bad.yaml"), "name: a job\nrepo: nowhere\n");
  await writeFile(
    join(folder.path, "jobs", "good.yaml"),
    `name: promote\nrepo: file://${folder.path}/missing\npromote: { manifests: . }\n`,
  );
  const checked = await start(executable("waybill"), [...line("--check"), "--json"], env).ended;
  expect(checked.status).toBe(2);
  const { checks } = JSON.parse(checked.stdout);
  const problems = checks.filter(({ state }: { readonly state: string }) => state === "problem");
  expect(problems.map(({ what }: { readonly what: string }) => what)).toEqual(
    expect.arrayContaining(["jobs", "repository"]),
  );
  expect(checks.find(({ what }: { readonly what: string }) => what === "database")).toMatchObject({
    state: "fine",
  });
});
