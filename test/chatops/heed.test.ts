import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  type ChatWorld,
  chatopsMigrations,
  heedComments,
  withCommentApprovals,
} from "../../src/chatops/index.ts";
import type { Database } from "../../src/database/index.ts";
import { type Forge, type ForgeKind, type ForgeProject, openForge } from "../../src/forge/index.ts";
import type { Job } from "../../src/jobs/index.ts";
import { openQueue, type Queue, queueMigrations } from "../../src/queue/index.ts";
import { pullJobs } from "../../src/triggers/index.ts";
import { usePglite } from "../support/databases.ts";
import { type ForgeServer, startForgeServer } from "../support/forge-server/server.ts";
import { gitEnvironment } from "../support/git.ts";
import { temporaryFolder } from "../support/tree.ts";

const kinds: readonly ForgeKind[] = ["github", "gitlab", "gitea"];
const owners = "approvers: [pam]\nreviewers: [rob]\n";

describe.each(kinds)("under a pull request of the kind %s", (kind) => {
  const databases = usePglite();
  let server: ForgeServer;
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let forge: Forge;
  let project: ForgeProject;
  let db: Database;
  let queue: Queue;
  let url: string;
  let number = 0;
  let pulls = 0;

  const job = (name: string, more: Partial<Job> = {}): Job => ({
    ...{ name, repo: url, pullRequest: { branch: ["^main$"] } },
    work: { kind: "review", review: { manifests: "." } },
    ...more,
  });
  const jobs = (): readonly Job[] => [
    job("pull-review", { rerun: { teams: ["friends/release"] } }),
    job("pull-docs", {
      pullRequest: { branch: ["^main$"], paths: "^docs/" },
      work: { kind: "review", review: { manifests: "." } },
    }),
    job("pull-image", { work: { kind: "build", build: { dir: "." } } }),
    job("pull-other", { repo: `${server.url}/org/other.git` }),
    job("promote", { pullRequest: undefined, work: { kind: "promote", promote: { manifests: "." } } }),
  ];
  const world = (): ChatWorld => ({
    ...{ db, queue, mirrors: folder.path, environment: gitEnvironment, now: () => new Date() },
    forgeOf: async () => forge,
    credentialOf: async () => undefined,
  });
  const heed = async (isFirst = false) =>
    heedComments(world(), {
      url,
      project,
      isFirst,
      jobs: pullJobs(jobs(), url, "main"),
      pull: await project.pullRequests.read(number),
    });
  const pull = () => {
    const found = server.world
      .repository("org/images", undefined)
      ?.pulls.find((one) => one.number === number);
    if (found === undefined) throw new Error("there is no such pull request");
    return found;
  };
  const say = (who: string, body: string) => {
    const user = server.world.user(who);
    if (user === undefined) throw new Error(`nobody is called ${who}`);
    return server.world.comment(pull(), user, body);
  };
  const labels = async () => (await project.pullRequests.read(number)).labels;
  const asked = async () => (await queue.list({ pull: number, limit: 50 })).runs.map((run) => run.job).sort();
  const answers = () => pull().comments.filter(({ body }) => body.includes("<!-- waybill: commands -->"));
  const answer = () => answers()[0]?.body ?? "";
  const open = async (author: string) => {
    pulls += 1;
    const branch = `change-${pulls}`;
    const repository = author === "ann" || author === "robot" ? "org/images" : `${author}/images`;
    await server.commit(repository, branch, { "a.yaml": `${pulls}\n` });
    const token = server.world.user(author)?.token;
    const opened = await openForge({ kind, host: server.host, token })
      .project("org/images")
      .pullRequests.open({ title: branch, body: "", base: "main", head: { repository, branch } });
    number = opened.number;
    return branch;
  };

  beforeAll(async () => {
    folder = await temporaryFolder("chatops");
    server = await startForgeServer({ kind });
    const token = server.addUser("robot");
    const others = kind === "gitea" ? [] : ["helper[bot]"];
    for (const name of ["ann", "bob", "pam", "rob", "mia", "eve", "tom", ...others]) server.addUser(name);
    server.addTeam("friends/release", ["tom"]);
    server.addTeam("org/people", ["mia"]);
    await server.createRepository("org/images", { OWNERS: owners });
    for (const name of ["ann", "bob", "robot"]) server.addWriter("org/images", name);
    await server.fork("org/images", "eve");
    forge = openForge({ kind, host: server.host, token, timing: { firstBackoff: 1 } });
    project = forge.project("org/images");
    url = `${server.url}/org/images.git`;
  });
  afterAll(async () => {
    await server.close();
    await folder.remove();
  });
  beforeEach(async () => {
    db = await databases.open([...queueMigrations, ...chatopsMigrations]);
    queue = openQueue(db);
  });
  afterEach(() => server.clearFaults());

  it("a command runs jobs, once, whoever looks and however often", async () => {
    await open("ann");
    say("bob", "looks fine\n/test pull-docs");
    expect(await heed()).toBe(1);
    expect(await heed()).toBe(0);
    expect(await asked()).toEqual(["pull-docs"]);
    const [run] = (await queue.list({ limit: 5 })).runs;
    expect(run?.causes).toMatchObject([{ by: "comment", who: "bob", text: "/test pull-docs of bob" }]);
    say("ann", "/test all");
    await heed();
    // Of those that it concerns: nothing in docs was changed.
    expect(await asked()).toEqual(["pull-docs", "pull-review"]);
  });

  if (kind === "github")
    it("nobody who is not known there runs anything, and is told so in one comment", async () => {
      await open("ann");
      say("eve", "/test all");
      say("eve", "/lgtm\n/approve");
      await heed();
      expect(await asked()).toEqual([]);
      expect(await labels()).toEqual([]);
      expect(answers()).toHaveLength(1);
      expect(answer().match(/\*\*refused\*\*/g)).toHaveLength(3);
      say("eve", "/test @everybody`<b>");
      await heed();
      expect(answers()).toHaveLength(1);
      expect(answer()).toContain("this branch: ``@everybody`<b>``");
    });

  it("an outsider's runs nothing before somebody who belongs there says so", async () => {
    await open("eve");
    say("bob", "/test all");
    say("eve", "/ok-to-test\n/test all");
    await heed();
    expect(await asked()).toEqual([]);
    say("mia", "/ok-to-test");
    await heed();
    expect(await labels()).toEqual(["ok-to-test"]);
    expect(await asked()).toEqual(["pull-review"]);
    say("eve", "/test pull-docs");
    await heed();
    expect(await asked()).toEqual(["pull-docs", "pull-review"]);
  });

  it("builds and jobs of other repositories are never run for it, and that is said once", async () => {
    await open("eve");
    say("mia", "/ok-to-test");
    await heed();
    expect(await asked()).toEqual(["pull-review"]);
    expect(answer().match(/only reviews are run for a pull request/g)).toHaveLength(1);
    say("mia", "/test pull-image\n/test promote\n/test pull-other\n/test all");
    await heed();
    expect(await asked()).toEqual(["pull-review"]);
    expect(answer()).toContain("no such job for this branch: `promote`");
    expect(answer()).toContain("no such job for this branch: `pull-other`");
    expect(answers()).toHaveLength(1);
  });

  if (kind === "gitea")
    it("a right that the token may not read is not said to be none", async () => {
      await open("ann");
      say("eve", "/test all");
      server.failNext(
        { kind: "answer", status: 403, body: { message: "no" } },
        { times: 9, path: /permission/ },
      );
      await heed();
      expect(await asked()).toEqual([]);
      expect(answer()).toMatch(/could not be read: .* which is told to its administrators alone/);
    });

  it("it is held and let go, by whomever", async () => {
    await open("ann");
    say("eve", "/hold");
    await heed();
    expect(await labels()).toContain("do-not-merge/hold");
    say("ann", "thanks\n/hold cancel");
    await heed();
    expect(await labels()).not.toContain("do-not-merge/hold");
    expect((await project.pullRequests.read(number)).draft).toBe(false);
    expect(answers()).toEqual([]);
  });

  it("a word about a commit is a label that falls with the next one, and an approval that stands by its commit", async () => {
    const branch = await open("ann");
    const first = (await project.pullRequests.read(number)).head.commit;
    say("ann", "/lgtm\n/approve");
    say("rob", "/approve\n/lgtm");
    say("pam", "/approve");
    await heed();
    expect([...(await labels())].sort()).toEqual(["approved", "lgtm"]);
    expect(await asked()).toEqual(["pull-review"]);
    const { approvals } = withCommentApprovals(db, url, project).conversation;
    expect(await approvals(number)).toMatchObject([{ user: "pam", commit: first }]);
    await server.commit("org/images", branch, { "b.yaml": "more\n" });
    await heed();
    expect(await labels()).toEqual([]);
    expect(await approvals(number)).toMatchObject([{ user: "pam", commit: first }]);
    say("bob", "/approve cancel");
    say("pam", "/approve cancel");
    await heed();
    expect(await approvals(number)).toEqual([]);
  });

  if (kind === "github")
    it("who may approve is said by the base, never by the change", async () => {
      const branch = await open("ann");
      await server.commit("org/images", branch, { OWNERS: "approvers: [bob]\n" });
      say("bob", "/approve");
      await heed();
      expect(await labels()).toEqual([]);
      expect(answer()).toContain("**refused**");
      say("pam", "/approve");
      await heed();
      expect(await labels()).toEqual(["approved"]);
    });

  if (kind === "github")
    it("a job names who may run it again", async () => {
      await open("ann");
      say("tom", "/rerun pull-review");
      await heed();
      expect(await asked()).toEqual(["pull-review"]);
      say("eve", "/rerun pull-review");
      say("tom", "/rerun pull-docs");
      await heed();
      expect(await asked()).toEqual(["pull-review"]);
      expect(answer().match(/\*\*refused\*\*/g)).toHaveLength(2);
    });

  it("what was changed afterwards, what a program says, and what was said before is not obeyed", async () => {
    await open("ann");
    say("bob", "/hold");
    await heed(true);
    expect(await labels()).toEqual([]);
    const edited = say("bob", "/hold");
    edited.editedAt = "2031-01-01T00:00:00Z";
    say("robot", "/hold");
    if (kind !== "gitea") say("helper[bot]", "/hold");
    await heed();
    expect(await labels()).toEqual([]);
    expect(answer()).toContain("write it anew");
    say("bob", "/hold");
    await heed();
    expect(await labels()).toContain("do-not-merge/hold");
  });

  if (kind === "github")
    it("what is merged is left alone", async () => {
      await open("ann");
      await server.merge("org/images", number);
      say("bob", "/hold\n/test all");
      await heed();
      expect(await asked()).toEqual([]);
      expect(answer()).toContain("the pull request is merged");
    });

  it("nothing is done while the forge does not say who may, and all of it afterwards", async () => {
    await open("ann");
    say("bob", "/test all\n/hold");
    server.failNext({ kind: "answer", status: 500 }, { times: 50, path: /permission|members/ });
    await expect(heed()).rejects.toMatchObject({ name: "ForgeError" });
    expect(await asked()).toEqual([]);
    expect(await labels()).toEqual([]);
    server.clearFaults();
    expect(await heed()).toBe(1);
    expect(await asked()).toEqual(["pull-review"]);
    expect(await labels()).toContain("do-not-merge/hold");
  });

  if (kind === "github")
    it("an answer that could not be given is given the next time", async () => {
      await open("ann");
      say("eve", "/test all");
      server.failNext({ kind: "answer", status: 500 }, { times: 50, method: "POST", path: /comments|notes/ });
      await expect(heed()).rejects.toMatchObject({ name: "ForgeError" });
      server.clearFaults();
      expect(await heed()).toBe(0);
      expect(answer()).toContain("**refused**");
      const before = server.seen.filter(({ method }) => method !== "GET").length;
      await heed();
      expect(server.seen.filter(({ method }) => method !== "GET")).toHaveLength(before);
    });

  if (kind === "github")
    it("of two who look at the same time, one obeys", async () => {
      await open("ann");
      say("bob", "/test pull-docs");
      const both = await Promise.allSettled([heed(), heed()]);
      const done = both.filter(({ status }) => status === "fulfilled");
      expect(done.length).toBeGreaterThan(0);
      await heed();
      expect(await asked()).toEqual(["pull-docs"]);
      const [run] = (await queue.list({ limit: 5 })).runs;
      expect(run?.causes).toHaveLength(1);
    });

  if (kind === "github")
    it("the jobs are listed", async () => {
      await open("ann");
      say("eve", "/test ?");
      await heed();
      expect(answer()).toContain("`/test pull-review`, `/test pull-docs`");
    });
});
