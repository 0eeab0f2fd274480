import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  type ChatWorld,
  chatopsMigrations,
  commandOnPage,
  commandsUnder,
  heedComments,
  type PageCommand,
  withCommentApprovals,
} from "../../src/chatops/index.ts";
import type { Database } from "../../src/database/index.ts";
import { type Forge, type ForgeKind, type ForgeProject, openForge } from "../../src/forge/index.ts";
import type { Job } from "../../src/jobs/index.ts";
import { openQueue, type Queue, queueMigrations } from "../../src/queue/index.ts";
import { keepReview, listPulls, reviewsMigrations } from "../../src/reviews/index.ts";
import { pullJobs, triggersMigrations } from "../../src/triggers/index.ts";
import { aLine, aReview, edgesOf } from "../reviews/a-review.ts";
import { usePglite } from "../support/databases.ts";
import { type ForgeServer, startForgeServer } from "../support/forge-server/server.ts";
import { gitEnvironment } from "../support/git.ts";
import { temporaryFolder } from "../support/tree.ts";

const kinds: readonly ForgeKind[] = ["github", "gitlab", "gitea"];
const path = "org/images";

describe.each(kinds)("on a page, of a pull request of the kind %s", (kind) => {
  const databases = usePglite();
  let server: ForgeServer;
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let forge: Forge;
  let project: ForgeProject;
  let db: Database;
  let queue: Queue;
  let url: string;
  let number = 0;
  let audited: { readonly act: string; readonly after: Readonly<Record<string, string>> }[];

  const jobs = (): readonly Job[] => [
    {
      ...{ name: "pull-review", repo: url, pullRequest: { branch: ["^main$"] } },
      work: { kind: "review", review: { manifests: ".", requireApproval: true } },
    },
  ];
  const world = (): ChatWorld => ({
    ...{ db, queue, mirrors: folder.path, environment: gitEnvironment, now: () => new Date() },
    forgeOf: async () => forge,
    credentialOf: async () => undefined,
  });
  const subjectOf = (login: string): string => String(server.world.user(login)?.id);
  const give = (login: string, act: PageCommand["act"], more: Partial<PageCommand> = {}) =>
    commandOnPage(
      world(),
      {
        ...{ url, number, act, project, jobs: jobs(), by: { login, subject: subjectOf(login) } },
        ...(act === "approve" ? { edges: [edgesOf("e")] } : {}),
        ...more,
      },
      async (_, done) => void audited.push(done),
    );
  const read = () => project.pullRequests.read(number);
  const said = () =>
    server
      .pullRequest(path, number)
      .comments.map(({ body }) => body)
      .join("\n");
  const approvals = () => withCommentApprovals(db, url, project).conversation.approvals(number);
  const asked = async () => (await queue.list({ pull: number, limit: 50 })).runs.map((run) => run.job);
  const keep = async (run: string, edges: string, lines = [aLine("v1")]) => {
    const { commit } = (await read()).head;
    const review = aReview(commit, { edges, lines });
    await keepReview(db, {
      ...{ run, job: "pull-review", url, number, commit, review, approvals: undefined, at: new Date() },
    });
  };
  /** Nothing is done, said or written down. */
  const nothing = async () => {
    expect(await approvals()).toEqual([]);
    expect((await read()).labels).toEqual([]);
    expect(server.pullRequest(path, number).comments).toEqual([]);
    expect(await asked()).toEqual([]);
    expect(audited).toEqual([]);
  };
  const refusal = async (
    given: Promise<unknown>,
  ): Promise<{ code: string; message: string; hint?: string }> => {
    const error: unknown = await given.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ name: "ChatopsError" });
    return error as { code: string; message: string };
  };

  beforeAll(async () => {
    folder = await temporaryFolder("on-page");
    server = await startForgeServer({ kind });
    const token = server.addUser("robot");
    for (const name of ["ann", "pam", "rob", "eve", "olaf"]) server.addUser(name);
    await server.createRepository(path, { OWNERS: "approvers: [pam, ann, robot, olaf]\nreviewers: [rob]\n" });
    for (const name of ["ann", "pam", "robot"]) server.addWriter(path, name);
    forge = openForge({ kind, host: server.host, token, timing: { firstBackoff: 1 } });
    project = forge.project(path);
    url = `${server.url}/${path}.git`;
  });
  afterAll(async () => {
    await server.close();
    await folder.remove();
  });
  beforeEach(async () => {
    db = await databases.open([
      ...[...queueMigrations, ...chatopsMigrations, ...triggersMigrations, ...reviewsMigrations],
    ]);
    queue = openQueue(db);
    audited = [];
    const branch = `change-${number}`;
    await server.commit(path, branch, { "a.yaml": `${number}\n` });
    const token = server.world.user("ann")?.token;
    const opened = await openForge({ kind, host: server.host, token })
      .project(path)
      .pullRequests.open({ title: branch, body: "", base: "main", head: { repository: path, branch } });
    number = opened.number;
    await keep("1", "e");
  });
  afterEach(() => server.clearFaults());

  it("an approval is that of a comment: of what was shown, told under the pull request, and audited", async () => {
    const outcome = await give("pam", "approve");
    expect(outcome).toMatchObject({ outcome: "done", line: "/approve" });
    const { commit } = (await read()).head;
    expect(await approvals()).toMatchObject([{ user: "pam", commit }]);
    expect((await read()).labels).toEqual(["approved"]);
    expect(await asked()).toEqual(["pull-review"]);
    expect(said()).toContain("`/approve` of `pam`: on the page of Waybill");
    expect(said()).toContain(edgesOf("e"));
    expect(audited).toMatchObject([
      { act: "pull.approve", after: { login: "pam", commit, edges: edgesOf("e") } },
    ]);
    expect(await commandsUnder(db, url, number, 5)).toMatchObject([{ author: "pam" }]);
    // Whoever looks at the comments afterwards obeys nothing again.
    const subject = { url, project, isFirst: false, jobs: pullJobs(jobs(), url, "main"), pull: await read() };
    expect(await heedComments(world(), subject)).toBe(0);
    await give("pam", "cancel-approval");
    expect(await approvals()).toEqual([]);
    expect((await read()).labels).toEqual([]);
  });

  it("nobody approves what is their own, or what they do not own, by whatever name", async () => {
    expect(await refusal(give("ann", "approve"))).toMatchObject({ code: "refused", message: /of their own/ });
    expect(
      await refusal(give("ANN", "approve", { by: { login: "ANN", subject: subjectOf("ann") } })),
    ).toMatchObject({
      code: "refused",
    });
    expect((await refusal(give("rob", "approve"))).message).toMatch(
      kind === "gitlab" ? /may comment/ : /owners of the changed files/,
    );
    expect((await refusal(give("robot", "approve"))).message).toMatch(/Waybill itself/);
    await nothing();
  });

  it("a name that is somebody else's by now approves nothing", async () => {
    const other = { login: "pam", subject: subjectOf("eve") };
    expect(await refusal(give("pam", "approve", { by: other }))).toMatchObject({ code: "login-unknown" });
    const gone = { login: "nobody-at-all", subject: "1" };
    expect(await refusal(give("pam", "approve", { by: gone }))).toMatchObject({ code: "login-unknown" });
    await nothing();
  });

  it("where the forge does not say who may comment, nothing is done", async () => {
    server.failNext(
      { kind: "answer", status: 403, body: { message: "no" } },
      { times: 9, path: /permission|members/ },
    );
    expect(await refusal(give("pam", "approve"))).toMatchObject({ code: "login-unknown" });
    server.clearFaults();
    server.failNext({ kind: "answer", status: 500 }, { times: 99, path: /permission|members/ });
    await expect(give("pam", "approve")).rejects.toMatchObject({ name: "ForgeError" });
    server.clearFaults();
    await nothing();
  });

  it("what is asked for otherwise by now is not approved, and it is said what that is", async () => {
    await keep("2", "f", [aLine("v1"), aLine("v2")]);
    const { code, hint } = await refusal(give("pam", "approve"));
    expect(code).toBe("outdated");
    expect(hint).toContain("now added hello:v2");
    expect(hint).not.toContain("hello:v1");
    expect((await refusal(give("pam", "approve", { edges: [] }))).code).toBe("outdated");
    await nothing();
    await give("pam", "approve", { edges: [edgesOf("f")] });
    expect(await approvals()).toMatchObject([{ user: "pam" }]);
  });

  it("a push since then is approved only once it was reviewed, and only where it asks for the same", async () => {
    const { branch } = (await read()).head;
    await server.commit(path, branch, { "b.yaml": `${number} more\n` });
    expect((await refusal(give("pam", "approve"))).code).toBe("not-reviewed");
    await nothing();
    await keep("3", "e");
    await give("pam", "approve");
    expect(await approvals()).toMatchObject([{ user: "pam", commit: (await read()).head.commit }]);
  });

  it("it is held and let go, and the page knows at once", async () => {
    await give("pam", "hold", { why: "until @everybody has `looked` <b>" });
    expect((await read()).labels).toContain("do-not-merge/hold");
    const key = { state: "open", repositories: [url.toLowerCase().replace(/\.git$/, "")], limit: 9 } as const;
    expect(await listPulls(db, key)).toMatchObject([{ number, labels: ["do-not-merge/hold"] }]);
    expect(said()).toContain("``/hold until @everybody has `looked` <b>`` of `pam`");
    await give("pam", "lift-hold");
    expect((await read()).labels).toEqual([]);
    expect((await read()).draft).toBe(false);
    expect(audited.map(({ act }) => act)).toEqual(["pull.hold", "pull.lift-hold"]);
  });

  it("a reason cannot make another command of it", async () => {
    for (const why of ["cancel", "cancel that"]) {
      expect((await refusal(give("pam", "hold", { why }))).code).toBe("unclear");
    }
    await nothing();
  });

  it("what fails on the way is written down as that, and leaves no command behind", async () => {
    server.failNext(
      { kind: "answer", status: 500 },
      kind === "gitlab" ? { times: 99, method: "PUT" } : { times: 99, path: /label|issues/ },
    );
    await expect(give("pam", "hold")).rejects.toMatchObject({ name: "ForgeError" });
    server.clearFaults();
    expect(audited.map(({ act }) => act)).toEqual(["pull.hold", "pull.hold.failed"]);
    expect(await commandsUnder(db, url, number, 5)).toEqual([]);
  });

  it("what is done stays done, and is written down so, where the forge fails afterwards", async () => {
    const read = async (of: number) => {
      const { labels } = await project.pullRequests.read(of);
      if (labels.includes("do-not-merge/hold")) {
        server.failNext(
          { kind: "answer", status: 502 },
          { times: 99, method: "GET", path: /pulls|merge_req/ },
        );
      }
      return project.pullRequests.read(of);
    };
    const failing = { ...project, pullRequests: { ...project.pullRequests, read } };
    expect(await give("pam", "hold", { project: failing })).toMatchObject({ outcome: "done" });
    server.clearFaults();
    expect(audited.map(({ act }) => act)).toEqual(["pull.hold"]);
    expect(await commandsUnder(db, url, number, 5)).toMatchObject([{ author: "pam" }]);
    expect((await project.pullRequests.read(number)).labels).toEqual(["do-not-merge/hold"]);
    const subject = { url, project, isFirst: false, jobs: pullJobs(jobs(), url, "main") };
    await heedComments(world(), { ...subject, pull: await project.pullRequests.read(number) });
    expect(said()).toContain("`/hold` of `pam`: on the page of Waybill");
  });

  it("what could not be told is told at the next look, also where nobody has commented", async () => {
    server.failNext({ kind: "answer", status: 500 }, { times: 99, path: /comments|notes/ });
    await give("pam", "approve");
    server.clearFaults();
    expect(said()).toBe("");
    const subject = { url, project, isFirst: false, jobs: pullJobs(jobs(), url, "main"), pull: await read() };
    await heedComments(world(), subject);
    expect(said()).toContain("`/approve` of `pam`: on the page of Waybill");
  });

  it("what is merged is left alone", async () => {
    await server.merge(path, number);
    expect(await refusal(give("pam", "approve"))).toMatchObject({ message: "the pull request is merged" });
    expect((await refusal(give("pam", "hold"))).code).toBe("refused");
  });

  it("a test is run again for those who belong there", async () => {
    await give("pam", "test");
    expect(await asked()).toEqual(["pull-review"]);
    if (kind === "gitlab") return;
    expect((await refusal(give("eve", "test"))).message).toMatch(/jobs are run for those/);
  });
});
