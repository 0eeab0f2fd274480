import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { executable, start } from "../support/built.ts";
import { start as startUntilLine } from "../support/child.ts";
import { createRepository, gitEnvironment } from "../support/git.ts";
import { temporaryFolder, writeFiles } from "../support/tree.ts";

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

test("a check finds what would be noticed only later", { timeout: 120_000 }, async () => {
  const place = await temporaryFolder("serve-check");
  const listener = createServer().listen(0, "127.0.0.1");
  try {
    await once(listener, "listening");
    const { port } = listener.address() as AddressInfo;
    const manifests = await createRepository(join(place.path, "manifests"));
    await manifests.commit("the beginning");
    await writeFiles(place.path, {
      secret: "short\n",
      "jobs/a.yaml": `jobs:
- { name: promote, repo: "file://${manifests.path}", promote: { manifests: . } }
- name: propose
  repo: file://${manifests.path}
  triggers: { branch: ^v }
  propose: { from: tag, repo: "file://${manifests.path}", manifests: ., project: app }
`,
      "waybill.yaml": `serve:
  publicUrl: http://waybill.example.org
  webhooks: { forge: [{ file: secret }] }
  access:
    login: { sso: { issuer: "https://sso.example.org", clientId: a, clientSecretEnv: WAYBILL_NOT_SET } }
  jobCredentials: { promot: [{ repository: a.example, username: x, passwordFile: secret }] }
  notifications:
    receivers: { chat: { kind: slack, urlFile: missing } }
    rules: { all: { to: [chat] } }
`,
    });
    const words = ["serve", "--check", "--json", "--config", join(place.path, "waybill.yaml")];
    const places = [
      ...["--jobs", join(place.path, "jobs"), "--data-dir", join(place.path, "data")],
      ...["--listen", `127.0.0.1:${port}`],
    ];
    const checked = await start(executable("waybill"), [...words, ...places], env).ended;
    const { checks } = JSON.parse(checked.stdout);
    const wrong = checks.filter(({ state }: { readonly state: string }) => state !== "fine");
    expect(
      wrong.map(({ what, state, message }: Record<string, string>) => `${what} ${state}: ${message}`),
    ).toEqual([
      "jobs warning: no job is called promot",
      expect.stringMatching(/^repository problem: .*: propose can do nothing$/),
      "listen warning: somebody listens there already",
      "access problem: the secret of serve.access.login.sso cannot be had: the variable WAYBILL_NOT_SET is not set",
      expect.stringMatching(/^access warning: nobody can log in with a browser at http:/),
      expect.stringMatching(/^webhooks warning: its secret has fewer than/),
      "notifications problem: the secret of serve.notifications.receivers.chat cannot be had: the file does not exist",
    ]);
    expect(wrong[0].hint).toBe("did you mean promote?");
    const text = await start(
      executable("waybill"),
      [...words.filter((word) => word !== "--json"), ...places],
      env,
    ).ended;
    expect(text.stdout).toContain("\nwebhooks serve.webhooks.forge: make another one");
  } finally {
    listener.close();
    await place.remove();
  }
});

test("an address of people that is none is refused", async () => {
  const { status, stderr } = await start(executable("waybill"), line("--check", "--public-url", "a/b"), env)
    .ended;
  expect([status, stderr]).toEqual([1, expect.stringContaining("https://waybill.example.org")]);
});
