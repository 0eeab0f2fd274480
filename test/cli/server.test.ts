import { mkdir, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openRunFolder } from "../../src/store/index.ts";
import { ask, startWorker, untilState } from "../queue/support.ts";
import { serverMigrations, serverWorld } from "../server/server-world.ts";
import { usePglite } from "../support/databases.ts";
import { answer, serve } from "../support/scripted-server.ts";
import { temporaryFolder, writeFiles } from "../support/tree.ts";
import { run, runWith } from "./captured.ts";

const databases = usePglite();

/** A server with a run that has ended, one that waits and one that is held, and a command line that asks it. */
async function world() {
  const served = await serverWorld(await databases.open(serverMigrations));
  const { db, queue, runs, origin, token } = served;
  const done = await ask(db, { job: "push-snoopdb", commit: "c".repeat(40) });
  const worker = startWorker(db, {
    queue,
    carryOut: async ({ id, attempt, job, type, commit }) => {
      const record = await runs.start({
        id,
        attempt,
        job,
        type,
        head: { verb: "build", by: "t", subject: "x" },
      });
      record.log("building\n\u001b]0;title\u0007done\n");
      await record.write("plan.json", "{}");
      await record.finish({ result: "SUCCESS", revision: commit });
      return { result: "SUCCESS" };
    },
  });
  await untilState(queue, done.id, "ended");
  await worker.stop();
  const waiting = await ask(db, { job: "promote", key: "b" });
  const held = await ask(db, { job: "promote", key: "c", held: "release day" });
  const secret = await token("releaser");
  const waybill = (...argv: string[]) => runWith({ WAYBILL_TOKEN: secret }, ...argv, "--server", origin);
  return { ...served, done, waiting, held, waybill, secret };
}

test("runs of a server are compared with Prow's history of the same jobs", async () => {
  const { waybill, done } = await world();
  const folder = await temporaryFolder("compare");
  onTestFinished(folder.remove);
  await writeFiles(folder.path, {
    "jobs/a.yaml": "name: push-snoopdb\nrepo: https://github.com/example/a\ntriggers: {}\nbuild: {dir: .}\n",
    "jobs/b.yaml": "name: promote\nrepo: https://github.com/example/a\npromote: {manifests: .}\n",
    "prow/logs/push-snoopdb/7/started.json": JSON.stringify({
      timestamp: Math.floor(Date.now() / 1000) - 10_000,
      repos: { "example/a": `main:${"c".repeat(40)}` },
    }),
    "prow/logs/push-snoopdb/7/finished.json": JSON.stringify({ timestamp: 1, result: "SUCCESS" }),
  });
  const places = ["--jobs-dir", join(folder.path, "jobs"), "--prow", join(folder.path, "prow")];
  const compared = await waybill("jobs", "compare", ...places, "--json");
  const [promote, push] = JSON.parse(compared.stdout).jobs.sort(
    (one: { job: string }, other: { job: string }) => (one.job < other.job ? -1 : 1),
  );
  // What waits has not begun, so nothing can be said of it.
  expect(promote.runs.map(({ verdict }: { verdict: string }) => verdict)).toEqual(["undecided", "undecided"]);
  expect(
    push.runs.map((run: { prow?: { id: string }; waybill?: { id: string } }) => [
      run.prow?.id,
      run.waybill?.id,
    ]),
  ).toEqual([
    ["7", undefined],
    [undefined, done.id],
  ]);
  expect(compared.status).toBe(2);
});

test("runs of a server are listed and shown as those of this machine are", async () => {
  const { waybill, origin, done, waiting, held } = await world();
  const list = await waybill("runs");
  expect(list).toMatchObject({ status: 0, stderr: "" });
  const lines = list.stdout.split("\n").map((line) => line.split(/ {2,}/).map((cell) => cell.trim()));
  expect(lines[0]).toEqual(["STATE", "JOB", "ID", "STARTED", "DURATION", "REVISION"]);
  expect(lines.slice(1, 4).map((cells) => cells.slice(0, 3))).toEqual([
    ["HELD", "promote", held.id],
    ["WAITING", "promote", waiting.id],
    ["SUCCESS", "push-snoopdb", done.id],
  ]);
  const page = await waybill("runs", "--limit", "2");
  expect(page.stderr).toContain(
    `there are more: waybill runs --server ${origin} --after promote/${waiting.id}`,
  );
  const next = await waybill("runs", "--after", `promote/${waiting.id}`);
  expect(next.stdout).toContain(done.id);
  expect(next.stdout).not.toContain(waiting.id);
  const documents = JSON.parse((await waybill("runs", "push-snoopdb", "--json")).stdout);
  expect(documents).toMatchObject({
    ...{ format: "waybill-runs/1", folder: origin },
    runs: [{ job: "push-snoopdb", id: done.id, result: "SUCCESS", revision: "c".repeat(40) }],
  });
  for (const name of ["push-snoopdb", done.id, `push-snoopdb/${done.id}`, `${origin}/runs/${done.id}`]) {
    const shown = await waybill("runs", "show", name);
    expect(shown.stdout).toContain(`SUCCESS push-snoopdb/${done.id}`);
    expect(shown.stdout).toContain("artifacts events.jsonl plan.json".slice(0, 9));
    expect(shown.stdout).toMatch(/what +build x/);
  }
  const none = await waybill("runs", "show", "none");
  expect(none).toMatchObject({ status: 1, stdout: "" });
  expect(none.stderr).toContain('has no run of "none"');
});

test("runs of a server are filtered by it", async () => {
  const { waybill, done, waiting, held, origin } = await world();
  const found = async (...argv: string[]) => {
    const { status, stdout } = await waybill("runs", "list", ...argv, "--json");
    expect([argv, status]).toEqual([argv, 0]);
    return JSON.parse(stdout).runs.map(({ id }: { id: string }) => id);
  };
  expect(await found("--search", "push snoop")).toEqual([done.id]);
  expect(await found("--result", "SUCCESS", "--kind", "build", "--type", "postsubmit")).toEqual([done.id]);
  expect(await found("promote", "--state", "held")).toEqual([held.id]);
  expect(await found("promote", "--until", "2020-01-01")).toEqual([]);
  expect(await found("--since", "2020-01-01T00:00:00+01:00")).toEqual([held.id, waiting.id, done.id]);
  for (const [option, value] of [
    ["--repo", "https://example.com/none"],
    ["--author", "ann"],
    ["--machine", "none"],
    ["--pull", "7"],
  ] as const) {
    expect(await found(option, value)).toEqual([]);
  }
  expect((await waybill("runs", "--search", "none")).stderr).toContain(
    `no run that fits is recorded in ${origin}`,
  );
  const page = await waybill("runs", "--search", "pro mote", "--limit", "1");
  expect(page.stderr).not.toContain("there are more");
  const first = await waybill("runs", "--search", "promo", "--state", "held", "--limit", "1");
  expect(first.stdout).toContain(held.id);
  const more = await waybill("runs", "--search", "pro", "--limit", "1");
  expect(more.stderr).toContain(`--search pro --after promote/${held.id}`);
  expect((await waybill("runs", "--since", "soon")).status).not.toBe(0);
  const here = await run("runs", "--search", "push");
  expect(here.stderr).toContain("--search is what a server filters by");
});

test("what would be told of a job is shown alike here and by a server, and nobody is told", async () => {
  const folder = await temporaryFolder("notifications");
  onTestFinished(folder.remove);
  const job =
    "name: push-snoopdb\nrepo: https://example.com/a/b\npromote: {manifests: .}\ncontact: [ann@example.com]\n";
  await writeFiles(folder.path, {
    "jobs/a.yaml": job,
    "waybill.yaml": `serve:
  publicUrl: https://waybill.example.org
  notifications:
    mail: { host: localhost, from: waybill@example.com }
    receivers: { ops: { kind: webhook, urlEnv: OPS, secretEnv: SECRET } }
    rules: { all: { to: [ops] } }
`,
  });
  const own = (...argv: string[]) =>
    runWith(
      { OPS: "https://ops.example/secret-path", SECRET: "s3cret" },
      ...["--config", join(folder.path, "waybill.yaml"), "jobs", "notifications", "push-snoopdb"],
      ...["--jobs-dir", join(folder.path, "jobs"), ...argv],
    );
  const here = await own();
  expect(here).toMatchObject({ status: 0, stderr: "" });
  const lines = here.stdout.split("\n");
  expect(lines[0]).toBe("ops, by the rule all: webhook at ops.example");
  expect(here.stdout).toContain("mailto:ann@example.com, by the rule job: mail to ann@example.com");
  expect(here.stdout).not.toContain("secret-path");
  const document = JSON.parse((await own("--telling", "recovered", "--json")).stdout);
  expect(document).toMatchObject({
    ...{ format: "waybill-notifications/1", job: "push-snoopdb", telling: "recovered" },
    notifications: [{ rule: "all", receiver: "ops" }, { rule: "job" }],
  });
  expect((await own("--telling", "still-failing")).stderr).toContain("nobody would be told");
  const preview = { rule: "all", receiver: "ops", to: "webhook at ops.example", body: "{}" };
  const { origin, token } = await serverWorld(await databases.open(serverMigrations), {
    parts: { previewOf: async () => [preview] },
  });
  const served = await runWith(
    { WAYBILL_TOKEN: await token("admin") },
    ...["jobs", "notifications", "push-snoopdb", "--server", origin],
  );
  expect(served).toMatchObject({ status: 0, stdout: `${lines[0]}\n  {}\n` });
});

test("a run that has not begun says why, and what to do", async () => {
  const { waybill, origin, waiting, held } = await world();
  const shown = await waybill("runs", "show", held.id);
  expect(shown.stdout).toMatch(
    new RegExp(`^HELD promote/${held.id}\n  waits +somebody has to release it: release day\n  cause +\\S`),
  );
  expect(shown.stderr).toContain(`waybill runs release ${held.id} --server ${origin}`);
  expect((await waybill("runs", "show", waiting.id)).stdout).toMatch(/^WAITING .*\n {2}waits +no worker/);
  const log = await waybill("runs", "log", held.id);
  expect(log).toMatchObject({ status: 0, stdout: "" });
  expect(log.stderr).toContain("it has not begun: somebody has to release it: release day");
  const { runs } = JSON.parse((await waybill("runs", "promote", "--json")).stdout);
  expect(runs[0]).toMatchObject({ result: "PENDING", state: "held" });
  expect(runs[0].waits).toContain("release day");
});

test("a log is printed, and followed to its end", async () => {
  const { waybill, db, queue, runs, done, waiting, held } = await world();
  const log = await waybill("runs", "log", "push-snoopdb");
  expect(log.stdout).toBe("building\n\\u{1b}]0;title\\u{7}done\n");
  expect((await waybill("runs", "log", done.id, "--follow")).stdout).toBe(log.stdout);
  await db.transaction((sql) => queue.abort(sql, held.id, { who: "t", why: "t" }));
  // It follows a run that has not begun yet.
  const following = waybill("runs", "log", waiting.id, "--follow");
  const worker = startWorker(db, {
    queue,
    carryOut: async ({ id, attempt, job, type }) => {
      const record = await runs.start({ id, attempt, job, type });
      record.log("one\n");
      record.log("two\n");
      await record.finish({ result: "FAILURE" });
      return { result: "FAILURE" };
    },
  });
  const { status, stdout } = await following;
  await worker.stop();
  expect([status, stdout]).toEqual([0, "one\ntwo\n"]);
});

test("the log of a run that goes on is printed while the objects cannot be read", async () => {
  const { waybill, db, queue, runs, waiting } = await world();
  let end = (): void => {};
  const ending = new Promise<void>((resolve) => {
    end = resolve;
  });
  let worker: ReturnType<typeof startWorker> | undefined;
  await new Promise<void>((begun) => {
    worker = startWorker(db, {
      queue,
      carryOut: async ({ id, attempt, job, type }) => {
        const record = await runs.start({ id, attempt, job, type });
        record.log("one\n");
        begun();
        await ending;
        return { result: "SUCCESS" };
      },
    });
  });
  // What is in the way of the folder is no folder.
  await rm(join(runs.where, "logs"), { recursive: true, force: true });
  await mkdir(runs.where, { recursive: true });
  await symlink("logs", join(runs.where, "logs"));
  const log = await waybill("runs", "log", waiting.id);
  const shown = await waybill("runs", "show", waiting.id);
  end();
  await worker?.stop();
  expect(log).toMatchObject({ status: 0, stdout: "one\n" });
  expect(shown).toMatchObject({ status: 1 });
  expect(shown.stderr).toContain("cannot list the artifacts of the run now");
});

test("a log is followed past what a proxy says while the server is not there", async () => {
  const { origin, done, secret } = await world();
  const pages = [502, 504];
  const proxy = await serve((request, response, { pathname, search }) => {
    const page = pathname.endsWith("/log/events") ? pages.shift() : undefined;
    if (page !== undefined) return answer(response, page, { "content-type": "text/html" }, "<h1>nobody</h1>");
    const headers = { authorization: request.headers.authorization ?? "" };
    void fetch(`${origin}${pathname}${search}`, { headers }).then(async (got) =>
      answer(
        response,
        got.status,
        { "content-type": got.headers.get("content-type") ?? "" },
        await got.text(),
      ),
    );
  });
  const line = ["runs", "log", done.id, "--follow", "--server", `http://${proxy.host}`];
  const followed = await runWith({ WAYBILL_TOKEN: secret }, ...line);
  expect(followed).toMatchObject({ status: 0, stdout: "building\n\\u{1b}]0;title\\u{7}done\n" });
  expect(pages).toEqual([]);
});

test("a run is repeated, aborted and released", async () => {
  const { waybill, queue, origin, done, waiting, held } = await world();
  const again = await waybill("runs", "rerun", "push-snoopdb");
  const id = again.stdout.trim().split(" ").at(-1) ?? "";
  expect(again.stdout).toBe(`waiting ${id}\n`);
  expect(again.stderr).toContain(`waybill runs log ${id} --follow --server ${origin}`);
  expect(await queue.read(id)).toMatchObject({ rerunOf: done.id });
  const aborted = await waybill("runs", "abort", waiting.id, "--why", "wrong tag");
  expect(aborted).toMatchObject({ status: 0, stdout: `ABORTED promote/${waiting.id}\n` });
  expect(await queue.read(waiting.id)).toMatchObject({ abort: { who: "a releaser", why: "wrong tag" } });
  const once = await waybill("runs", "abort", waiting.id);
  expect([once.status, once.stdout]).toEqual([1, ""]);
  expect(await waybill("runs", "release", held.id)).toMatchObject({ stdout: `waiting promote/${held.id}\n` });
  expect(JSON.parse((await waybill("runs", "abort", held.id, "--json")).stdout)).toMatchObject({
    ...{ format: "waybill-changed-run/1", id: held.id, result: "ABORTED" },
  });
});

test("jobs of a server are listed as those of a folder are, and run", async () => {
  const { waybill, queue, origin } = await world();
  const { status, stdout, stderr } = await waybill("jobs");
  expect(status).toBe(2);
  const lines = stdout.split("\n").map((line) => line.split(/ {2,}/));
  expect(lines[0]).toEqual(["JOB", "REPOSITORY", "STARTED BY", "DOES"]);
  expect(lines[1]?.slice(0, 3)).toEqual(["push-snoopdb", "https://github.com/cncf/apisnoop", "push ^main$"]);
  expect(stderr).toContain("jobs/all.yaml:11:");
  const { jobs } = JSON.parse((await waybill("jobs", "list", "--json")).stdout);
  expect(jobs).toMatchObject([{ job: { name: "push-snoopdb", on: { branch: ["^main$"] } } }, {}]);
  const asked = await waybill("jobs", "run", "push-snoopdb", "--ref", "refs/heads/main");
  const id = asked.stdout.trim().split(" ").at(-1) ?? "";
  expect(asked).toMatchObject({ status: 0, stdout: `waiting ${id}\n` });
  expect(await queue.read(id)).toMatchObject({ job: "push-snoopdb", ref: "refs/heads/main" });
  const local = await waybill("jobs", "run", "push-snoopdb", "--dry-run");
  expect(local.stderr).toContain("leave out what says how it is run here");
  const none = await waybill("jobs", "run", "none");
  expect(none.stderr).toContain("no job has that name");
  expect(none.stderr).toContain(`waybill jobs --server ${origin}`);
});

test("the log of who did what is verified, by the server and in its database", async () => {
  const { db, origin, token, waybill, held } = await world();
  await waybill("runs", "release", held.id);
  const admin = { WAYBILL_TOKEN: await token("admin") };
  const line = ["audit-log", "verify", "--server", origin];
  const verified = await runWith(admin, ...line);
  expect([verified.status, verified.stdout]).toEqual([
    ...[0, expect.stringMatching(/^1 entries, none changed.*\n1:[0-9a-f]{64}\n$/)],
  ]);
  const head = verified.stdout.trim().split("\n").at(-1) ?? "";
  expect((await runWith(admin, ...line, "--head", head)).status).toBe(0);
  expect((await waybill("audit-log", "verify")).stderr).toContain("this needs admin");
  await db.script("ALTER TABLE audit_entry DISABLE TRIGGER audit_entry_stays; DELETE FROM audit_entry");
  const cut = await runWith(admin, ...line, "--head", head);
  expect([cut.status, cut.stdout]).toEqual([
    2,
    expect.stringContaining("cut off: the log ends with entry 0"),
  ]);
  expect((await runWith(admin, ...line, "--head", "1")).stderr).toContain("NUMBER:HASH");
});

test("an admin has a server that runs back its database up, which is restored elsewhere", async () => {
  const { origin, secret, token } = await world();
  const admin = { WAYBILL_TOKEN: await token("admin") };
  const folder = await temporaryFolder("backup");
  onTestFinished(folder.remove);
  const [file, data] = [join(folder.path, "waybill.backup"), join(folder.path, "data")];
  await writeFile(file, "of yesterday");
  const line = ["serve", "backup", file, "--server", origin];
  const refused = await runWith({ WAYBILL_TOKEN: secret }, ...line);
  expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining("this needs admin")]);
  expect(await readFile(file, "utf8")).toBe("of yesterday");

  const made = await runWith(admin, ...line, "--json");
  expect([made.status, JSON.parse(made.stdout)]).toEqual([
    0,
    { where: origin, tables: expect.any(Number), rows: expect.any(Number) },
  ]);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await readdir(folder.path)).toEqual(["waybill.backup"]);
  const restored = await runWith({}, "serve", "restore", file, "--data-dir", data, "--json");
  expect(JSON.parse(restored.stdout)).toMatchObject({ rows: JSON.parse(made.stdout).rows });
  const twice = await runWith(admin, ...line, "--data-dir", data);
  expect([twice.status, twice.stderr]).toEqual([1, expect.stringContaining("different places")]);
});

test("a token comes from the environment or a file, and is shown nowhere", async () => {
  const { origin, secret } = await world();
  const folder = await temporaryFolder("token");
  onTestFinished(folder.remove);
  const file = join(folder.path, "token");
  await writeFile(file, `${secret}\n`);
  const ok = await runWith({ WAYBILL_TOKEN_FILE: file }, "runs", "--verbose", "--server", origin);
  expect(ok.status).toBe(0);
  expect(ok.stderr).not.toContain(secret);
  const none = await run("runs", "--server", origin);
  expect(none.status).toBe(1);
  expect(none.stderr).toContain("$WAYBILL_TOKEN");
  const wrong = await runWith({ WAYBILL_TOKEN: "waybill_wr0ng" }, "runs", "--server", origin);
  expect(wrong.stderr).toContain("this token is none");
  expect(wrong.stderr).not.toContain("wr0ng");
  const missing = await runWith(
    { WAYBILL_TOKEN_FILE: join(folder.path, "none") },
    "runs",
    "--server",
    origin,
  );
  expect(missing.stderr).toContain("the token cannot be read");
});

test.each([
  ["no URL", "waybill.example.org"],
  ["plain HTTP", "http://waybill.example.org"],
  ["a path", "https://waybill.example.org/x"],
  ["a password", "https://a:b@waybill.example.org"],
])("%s is no server's address", async (_, url) => {
  const { status, stderr } = await runWith({ WAYBILL_TOKEN: "t" }, "runs", "--server", url);
  expect([status, stderr]).toEqual([1, expect.stringContaining("is no address of a server")]);
});

test("what is no server is told as that, and gets no second token", async () => {
  const other = await serve((_, response) => response.end("<html>"));
  const { status, stderr } = await runWith({ WAYBILL_TOKEN: "t0ken" }, "runs", "--server", other.origin);
  expect([status, stderr]).toEqual([1, expect.stringContaining("answers otherwise than a server")]);
  const lead = await serve((_, response) => response.writeHead(302, { location: `${other.origin}/x` }).end());
  const led = await runWith({ WAYBILL_TOKEN: "t0ken" }, "runs", "--server", lead.origin);
  expect(led.status).toBe(1);
  expect(other.seen).toHaveLength(1);
});

test("a log of this machine is followed to its end as well", async () => {
  const folder = await temporaryFolder("follow");
  onTestFinished(folder.remove);
  const store = openRunFolder(folder.path);
  const begun = await store.start({ job: "a", type: "periodic" });
  begun.log("one\n");
  const following = run("runs", "log", "a", "--follow", "--data-dir", folder.path);
  begun.log("two\n");
  await begun.finish({ result: "SUCCESS" });
  expect(await following).toMatchObject({ status: 0, stdout: "one\ntwo\n" });
});
