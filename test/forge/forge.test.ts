import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  type Forge,
  type ForgeKind,
  fittingTitle,
  forgeKindOf,
  openForge,
  type Proposal,
} from "../../src/forge/index.ts";
import { type ForgeServer, startForgeServer } from "../support/forge-server/server.ts";
import { repositoryAt } from "../support/git.ts";

const kinds: readonly ForgeKind[] = ["github", "gitlab", "gitea"];

describe.each(kinds)("a forge of the kind %s", (kind) => {
  let server: ForgeServer;
  let token: string;
  let forge: Forge;
  let branches = 0;

  /** A branch of the robot's fork with a commit that nobody has proposed yet. */
  const proposal = async (extra: Partial<Proposal> = {}): Promise<Proposal> => {
    branches += 1;
    const branch = `promote/v1.${branches}`;
    await server.commit("robot/images", branch, { "images.yaml": `- name: image-${branches}\n` });
    return {
      ...{ title: `Promote v1.${branches}`, body: "What is promoted.", base: "main" },
      ...{ head: { repository: "robot/images", branch }, ...extra },
    };
  };
  const project = () => forge.project("org/images");
  const pulls = () => project().pullRequests;

  beforeAll(async () => {
    server = await startForgeServer({ kind });
    token = server.addUser("robot");
    for (const name of ["alice", "bob", "stranger"]) server.addUser(name);
    server.addTeam("org/release", ["alice"]);
    await server.createRepository("org/images", { "README.md": "# Images\n" });
    for (const name of ["alice", "bob", "robot"]) server.addWriter("org/images", name);
    await server.fork("org/images", "robot");
    forge = openForge({ kind, host: server.host, token, timing: { firstBackoff: 1 } });
  });
  afterAll(() => server.close());
  beforeEach(() => {
    expect(server.sawForeignToken()).toBe(false);
  });

  it("is known by what it answers to somebody without a token", async () => {
    const before = server.seen.length;
    expect(await forgeKindOf(server.host)).toBe(kind);
    expect(server.seen.slice(before).map(({ by }) => by)).not.toContain("robot");
  });

  it("knows whose token it has", async () => {
    expect(await forge.user()).toBe("robot");
  });

  if (kind === "github")
    it("asks the other API whose token a workflow has", async () => {
      const body = { message: "Resource not accessible by integration" };
      server.failNext({ kind: "answer", status: 403, body }, { path: /\/user$/ });
      const workflow = openForge({ kind, host: server.host, token });
      expect(await workflow.user()).toBe("robot");
    });

  it("describes a repository and a fork", async () => {
    const clone = `${server.url}/robot/images.git`;
    expect(await forge.repository("robot/images")).toMatchObject({
      ...{
        path: "robot/images",
        defaultBranch: "main",
        cloneUrl: clone,
        forkOf: "org/images",
        mayPush: true,
      },
    });
    await server.createRepository("elsewhere/tools");
    const { mayPush, forkOf } = await forge.repository("elsewhere/tools");
    expect({ mayPush, forkOf }).toEqual({ mayPush: false, forkOf: undefined });
  });

  it("says not-found of what is not there, of what is private, and of names that no repository can have", async () => {
    await server.createRepository("hidden/thing", {}, { isPrivate: true });
    for (const path of ["org/nothing", "hidden/thing", "../../user", "org", "org/a?b"]) {
      await expect(forge.repository(path)).rejects.toMatchObject({ name: "ForgeError", code: "not-found" });
    }
    await expect(pulls().read(4711)).rejects.toMatchObject({ code: "not-found" });
  });

  it("knows what users may do in a repository", async () => {
    expect(await project().permission("bob")).toBe(kind === "gitlab" ? "admin" : "write");
    expect(["none", "read"]).toContain(await project().permission("stranger"));
    for (const nobody of ["nobody", "..", "a/b", ""]) expect(await project().permission(nobody)).toBe("none");
    server.failNext({ kind: "answer", status: 500 }, { times: 9 });
    await expect(project().permission("bob")).rejects.toMatchObject({ name: "ForgeError" });
    server.clearFaults();
  });

  it("knows the members of an organization and of a team", async () => {
    expect(await forge.isMember("alice", "org/release")).toBe(true);
    expect(await forge.isMember("alice", "org")).toBe(true);
    for (const group of ["org/release", "..", "org/../x", ""]) {
      expect(await forge.isMember("bob", group)).toBe(false);
    }
    // What looks as if it was not there may be hidden.
    expect(await forge.isMember("bob", "org/nothing")).toBeUndefined();
    expect(await forge.isMember("bob", "nothing")).toBe(kind === "github" ? false : undefined);
    expect(await forge.isMember("bob", "alice")).toBe(false);
  });

  it("does not take members that it may not see for nobody", async () => {
    server.addTeam("closed/people", ["alice"]);
    // Of a group, GitLab shows all members to whom it shows the group.
    if (kind !== "gitlab") expect(await forge.isMember("bob", "closed")).toBeUndefined();
    server.addTeam("closed/robots", ["robot"]);
    expect(await forge.isMember("bob", "closed")).toBe(false);
    server.failNext(
      { kind: "answer", status: 403, body: { message: "no" } },
      { times: 9, path: /orgs|groups/ },
    );
    expect(await forge.isMember("alice", "closed")).toBeUndefined();
    server.clearFaults();
  });

  it("opens a pull request from a fork, and finds and reads it again", async () => {
    const asked = await proposal();
    expect(await pulls().find(asked.head, "main")).toBeUndefined();
    const opened = await pulls().open(asked);
    expect(opened).toMatchObject({
      ...{ title: asked.title, body: asked.body, state: "open", draft: false, author: "robot", labels: [] },
      head: { ...asked.head, commit: await server.branch("robot/images", asked.head.branch) },
      base: { branch: "main" },
    });
    expect(opened.url).toContain("org/images");
    expect(await pulls().find(asked.head, "main")).toEqual(opened);
    expect(await pulls().read(opened.number)).toEqual(opened);
    expect(await pulls().find(asked.head, "release-1.0")).toBeUndefined();
    expect(await pulls().find({ ...asked.head, repository: "org/images" }, "main")).toBeUndefined();
  });

  it("opens one from a branch of the repository itself", async () => {
    await server.commit("org/images", "own/branch", { "a.yaml": "a\n" });
    const head = { repository: "org/images", branch: "own/branch" };
    const opened = await pulls().open({ title: "Own", body: "", base: "main", head });
    expect(opened.head).toMatchObject(head);
    expect((await pulls().find(head, "main"))?.number).toBe(opened.number);
  });

  if (kind === "gitlab") {
    it("knows groups within groups", async () => {
      await server.createRepository("org/team/sub/images");
      server.addWriter("org/team/sub/images", "robot");
      await server.commit("org/team/sub/images", "a/b", { "a.yaml": "a\n" });
      const path = "org/team/sub/images";
      expect((await forge.repository(path)).path).toBe(path);
      const head = { repository: path, branch: "a/b" };
      const opened = await forge
        .project(path)
        .pullRequests.open({ title: "x", body: "", base: "main", head });
      expect(opened.head.repository).toBe(path);
    });
  } else {
    it("has no groups", async () => {
      await expect(forge.repository("org/team/images")).rejects.toMatchObject({ code: "not-found" });
    });
  }

  it("gives the one that is open already, instead of a second", async () => {
    const asked = await proposal();
    const first = await pulls().open(asked);
    const second = await pulls().open({ ...asked, title: "Another title" });
    expect(second.number).toBe(first.number);
    expect(second.title).toBe(asked.title);
    server.closePullRequest("org/images", first.number);
    expect(await pulls().find(asked.head, "main")).toBeUndefined();
    expect((await pulls().read(first.number)).state).toBe("closed");
  });

  it("lists those that are open, and says that nothing has changed where the forge says so", async () => {
    const opened = await pulls().open(await proposal());
    const closed = await pulls().open(await proposal());
    server.closePullRequest("org/images", closed.number);
    const listed = await pulls().listOpen();
    if (listed === "unchanged") throw new Error("nothing was known before");
    const numbers = listed.pulls.map(({ number }) => number);
    expect(numbers).toContain(opened.number);
    expect(numbers).not.toContain(closed.number);
    const found = listed.pulls.find(({ number }) => number === opened.number);
    expect(found).toMatchObject({ head: opened.head, author: "robot", base: { branch: "main" } });
    expect(Date.parse(found?.updatedAt ?? "")).not.toBeNaN();
    const again = await pulls().listOpen(listed.etag ?? "nothing");
    expect(again).toEqual(kind === "gitea" ? { pulls: listed.pulls } : "unchanged");
    await server.commit("robot/images", opened.head.branch, { "images.yaml": "another\n" });
    const changed = await pulls().listOpen(listed.etag);
    if (changed === "unchanged") throw new Error("a commit was pushed");
    const { commit } = changed.pulls.find(({ number }) => number === opened.number)?.head ?? {};
    expect(commit).toBe(await server.branch("robot/images", opened.head.branch));
    expect(commit).not.toBe(opened.head.commit);
  });

  it("opens one, when two ask for it at the same time", async () => {
    const asked = await proposal();
    const [one, other] = await Promise.all([pulls().open(asked), pulls().open(asked)]);
    expect(other.number).toBe(one.number);
  });

  if (kind !== "gitea")
    it("tells forks of one owner apart", async () => {
      await server.fork("org/images", "robot", "images-too");
      await server.fork("org/images", "org", "images-staging");
      server.addWriter("org/images-staging", "robot");
      const numbers: number[] = [];
      for (const repository of ["org/images", "robot/images", "robot/images-too", "org/images-staging"]) {
        await server.commit(repository, "same-name", { "a.yaml": `${repository}\n` });
        if (kind === "github" && repository === "robot/images-too") continue;
        const head = { repository, branch: "same-name" };
        const opened = await pulls().open({ title: repository, body: "", base: "main", head });
        expect(opened.head).toMatchObject(head);
        numbers.push(opened.number);
        expect((await pulls().find(head, "main"))?.number).toBe(opened.number);
      }
      expect(new Set(numbers).size).toBe(numbers.length);
    });

  if (kind === "gitlab")
    it("reads one whose fork was deleted", async () => {
      const { number } = await pulls().open(await proposal());
      const body = { message: "404 Project Not Found" };
      server.failNext({ kind: "answer", status: 404, body }, { path: /projects\/\d+$/ });
      const fresh = openForge({ kind, host: server.host, token });
      expect((await fresh.project("org/images").pullRequests.read(number)).head.repository).toBe("");
    });

  it("refuses a branch that is not there, with the forge's reason", async () => {
    const asked = await proposal({ head: { repository: "robot/images", branch: "nowhere" } });
    const failure = await pulls()
      .open(asked)
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: "ForgeError" });
    expect((failure as { code: string }).code).toMatch(/^(?:refused|not-found)$/);
  });

  it("changes what is given and nothing else", async () => {
    const { number } = await pulls().open(await proposal({ draft: true, title: "A title" }));
    expect(await pulls().read(number)).toMatchObject({ draft: true, title: "A title" });
    expect(await pulls().update(number, { title: "Another title" })).toMatchObject({
      ...{ draft: true, title: "Another title", body: "What is promoted." },
    });
    expect(await pulls().update(number, { body: "New." })).toMatchObject({ draft: true, body: "New." });
    expect(await pulls().update(number, { draft: false })).toMatchObject({
      ...{ draft: false, title: "Another title", body: "New." },
    });
    expect(await pulls().update(number, { draft: true, title: "Third" })).toMatchObject({
      ...{ draft: true, title: "Third" },
    });
    expect(await pulls().update(number, { draft: true })).toMatchObject({ draft: true, title: "Third" });
  });

  it("sets all labels, and makes those that do not exist", async () => {
    const { number } = await pulls().open(await proposal());
    const labeled = await pulls().update(number, {
      labels: ["do-not-merge/hold", "area/release", "new one"],
    });
    expect([...labeled.labels].sort()).toEqual(["area/release", "do-not-merge/hold", "new one"]);
    expect((await pulls().update(number, { labels: ["area/release"] })).labels).toEqual(["area/release"]);
    expect((await pulls().update(number, { title: "x" })).labels).toEqual(["area/release"]);
    expect((await pulls().update(number, { labels: [] })).labels).toEqual([]);
  });

  if (kind === "gitea")
    it("uses a label of the organization where there is one", async () => {
      const { id } = server.world.addOrganizationLabel("org", "kind/promotion");
      const { number } = await pulls().open(await proposal());
      const { labels } = await pulls().update(number, { labels: ["kind/promotion", "own"] });
      expect([...labels].sort()).toEqual(["kind/promotion", "own"]);
      const put = server.seen.filter(({ method }) => method === "PUT").at(-1);
      expect(put?.body).toMatchObject({ labels: expect.arrayContaining([id]) });
    });

  it("reports reviewers, instead of failing, when the token's user may request none", async () => {
    const { number } = await pulls().open(await proposal());
    const stranger = openForge({
      kind,
      host: server.host,
      token: server.world.user("stranger")?.token ?? "",
    });
    const { pullRequests } = stranger.project("org/images");
    const before = server.seen.length;
    const { refused } = await pullRequests.requestReviews(number, ["alice", "bob"]);
    expect(refused.map(({ reviewer }) => reviewer)).toEqual(["alice", "bob"]);
    expect(server.seen.length - before).toBeLessThan(6);
  });

  it("requests reviews of those who can be asked, and says why of the others", async () => {
    const { number } = await pulls().open(await proposal());
    const wanted = ["alice", "nobody", "org/release", "stranger"];
    const { requested, refused } = await pulls().requestReviews(number, wanted);
    expect(requested).toEqual(kind === "gitlab" ? ["alice"] : ["alice", "org/release"]);
    const names = refused.map(({ reviewer }) => reviewer);
    expect(names).toEqual(kind === "gitlab" ? ["nobody", "org/release", "stranger"] : ["nobody", "stranger"]);
    for (const { reason } of refused) expect(reason).not.toBe("");
    const { reviewers, teams } = server.pullRequest("org/images", number);
    expect(reviewers.map(({ name }) => name)).toEqual(["alice"]);
    expect(teams).toEqual(kind === "gitlab" ? [] : ["release"]);
    expect(await pulls().requestReviews(number, ["alice", "bob"])).toEqual({
      ...{ requested: ["bob"], refused: [] },
    });
    expect(server.pullRequest("org/images", number).reviewers.map(({ name }) => name)).toEqual([
      "alice",
      "bob",
    ]);
    await expect(pulls().requestReviews(4711, ["nobody"])).rejects.toMatchObject({ code: "not-found" });
  });

  it("asks nobody for a review again who is asked, or has given one", async () => {
    const { number } = await pulls().open(await proposal());
    const wanted = kind === "gitlab" ? ["alice", "bob"] : ["alice", "bob", "org/release"];
    expect((await pulls().requestReviews(number, wanted)).requested).toEqual(wanted);
    await server.approve("org/images", number, "alice");
    const before = server.seen.length;
    expect(await pulls().requestReviews(number, wanted)).toEqual({ requested: [], refused: [] });
    expect(server.seen.slice(before).map(({ method }) => method)).not.toContain("POST");
  });

  it("makes a title that is too long one that the forge takes, and gives it back as it was sent", async () => {
    for (const title of [
      `Promote ${"v1.0.0 / ".repeat(60)}`,
      "推".repeat(300),
      "Two\n lines ",
      "WIP: no draft",
    ]) {
      const asked = await proposal({ title, draft: true });
      const fitting = fittingTitle(kind, title);
      const opened = await pulls().open(asked);
      expect(opened.title).toBe(fitting);
      expect((await pulls().update(opened.number, { title, draft: false })).title).toBe(fitting);
    }
  });

  it("reports a team where there are none", async () => {
    await server.createRepository("robot/own");
    await server.commit("robot/own", "next", { "a.yaml": "a\n" });
    const own = forge.project("robot/own").pullRequests;
    const head = { repository: "robot/own", branch: "next" };
    const { number } = await own.open({ title: "Own", body: "", base: "main", head });
    const { refused } = await own.requestReviews(number, ["nobody", "robot/team"]);
    expect(refused.map(({ reviewer }) => reviewer)).toEqual(["nobody", "robot/team"]);
  });

  it("lists comments, the oldest first", async () => {
    const { number } = await pulls().open(await proposal());
    for (const text of ["one", "two", "three"]) server.comment("org/images", number, "alice", text);
    const comments = await project().conversation.comments(number);
    expect(comments.map(({ author, body }) => `${author}: ${body}`)).toEqual([
      ...["alice: one", "alice: two", "alice: three"],
    ]);
    expect(Date.parse(comments[0]?.createdAt ?? "")).not.toBeNaN();
  });

  it("lists more comments than a page holds", async () => {
    const { number } = await pulls().open(await proposal());
    for (let index = 0; index < 230; index += 1) server.comment("org/images", number, "alice", `${index}`);
    expect(await project().conversation.comments(number)).toHaveLength(230);
  });

  it("writes its one comment anew, and never over another's", async () => {
    const { number } = await pulls().open(await proposal());
    const { conversation } = project();
    const marker = "<!-- waybill:plan -->";
    server.comment("org/images", number, "stranger", `${marker} mine`);
    const first = await conversation.put(number, marker, `${marker}\nThe plan.`);
    const second = await conversation.put(number, marker, `${marker}\nA newer plan.`);
    const same = await conversation.put(number, marker, `${marker}\nA newer plan.`);
    expect([second.id, same.id]).toEqual([first.id, first.id]);
    const bodies = (await conversation.comments(number)).map(({ author, body }) => [author, body]);
    expect(bodies).toEqual([
      ["stranger", `${marker} mine`],
      ["robot", `${marker}\nA newer plan.`],
    ]);
    const without = await conversation.put(number, "<!-- other -->", "No marker in it.");
    expect(without.body).toContain("<!-- other -->");
  });

  it("counts the approvals that stand", async () => {
    const { number, head } = await pulls().open(await proposal());
    const { conversation } = project();
    const users = async () => (await conversation.approvals(number)).map(({ user }) => user).sort();
    expect(await users()).toEqual([]);
    await server.approve("org/images", number, "alice");
    await server.approve("org/images", number, "bob");
    expect(await users()).toEqual(["alice", "bob"]);
    const [approval] = await conversation.approvals(number);
    expect(approval?.commit).toBe(head.commit);
    await server.requestChanges("org/images", number, "bob");
    expect(await users()).toEqual(["alice"]);
    await server.approve("org/images", number, "bob");
    server.dismiss("org/images", number, "alice");
    expect(await users()).toEqual(["bob"]);
  });

  it("says on which commit an approval was given", async () => {
    const asked = await proposal();
    const { number, head } = await pulls().open(asked);
    await server.approve("org/images", number, "alice");
    const newer = await server.commit("robot/images", asked.head.branch, { "b.yaml": "b\n" });
    expect((await pulls().read(number)).head.commit).toBe(newer);
    const [approval] = await project().conversation.approvals(number);
    expect(approval).toMatchObject({ user: "alice", ...(kind === "gitlab" ? {} : { commit: head.commit }) });
  });

  it("sets statuses of a commit, and reads the newest of each context", async () => {
    const { head } = await pulls().open(await proposal());
    const { statuses } = project();
    expect(await statuses.read(head.commit)).toEqual([]);
    const url = "https://example.com/run/1";
    await statuses.set(head.commit, { context: "waybill/plan", state: "pending", description: "", url });
    await statuses.set(head.commit, { context: "waybill/plan", state: "pending", description: "" });
    await statuses.set(head.commit, {
      context: "waybill/plan",
      state: "success",
      description: "3 to do",
      url,
    });
    await statuses.set(head.commit, {
      context: "waybill/check",
      state: "failure",
      description: "é".repeat(300),
    });
    await statuses.set(head.commit, { context: "waybill/other", state: "error", description: "x" });
    const read = await statuses.read(head.commit);
    expect(read.find(({ context }) => context === "waybill/plan")).toEqual({
      ...{ context: "waybill/plan", state: "success", description: "3 to do", url },
    });
    const check = read.find(({ context }) => context === "waybill/check");
    expect(check?.state).toBe("failure");
    expect(check?.description).toMatch(/^é+…$/);
    expect(read.find(({ context }) => context === "waybill/other")?.state).toBe("error");
    expect(read).toHaveLength(3);
  });

  it("reads more statuses than a page holds", async () => {
    const { statuses } = project();
    const commit = await server.commit("org/images", "many-statuses", { "a.yaml": "a\n" });
    const repository = server.world.repository("org/images", server.world.user("robot"));
    const user = server.world.user("robot");
    if (repository === undefined || user === undefined) throw new Error("they were made above");
    for (let index = 0; index < 130; index += 1) {
      const context = `check-${index}`;
      server.world.setStatus(repository, {
        ...{ commit, context, state: "success", description: "", url: undefined, user },
      });
    }
    expect(new Set((await statuses.read(commit)).map(({ context }) => context)).size).toBe(130);
  });

  it("sees a merge and its commit, and what keeps a pull request from it", async () => {
    const { number, head } = await pulls().open(await proposal({ draft: true }));
    server.protect("org/images", { requiredStatuses: ["waybill/plan"], blockingLabels: ["hold"] });
    await expect(server.merge("org/images", number)).rejects.toThrow("draft");
    await pulls().update(number, { draft: false, labels: ["hold"] });
    await expect(server.merge("org/images", number)).rejects.toThrow("status");
    await project().statuses.set(head.commit, { context: "waybill/plan", state: "success", description: "" });
    await expect(server.merge("org/images", number)).rejects.toThrow("label");
    await pulls().update(number, { labels: [] });
    const commit = await server.merge("org/images", number);
    expect(await pulls().read(number)).toMatchObject({ state: "merged", mergeCommit: commit });
    expect(await server.branch("org/images", "main")).toBe(commit);
    server.protect("org/images", { requiredStatuses: [], blockingLabels: [] });
  });

  describe("with Git over HTTP", () => {
    let folder: string;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "waybill-forge-test-"));
    });
    afterAll(() => rm(folder, { recursive: true, force: true }));

    it("takes a branch that was pushed with the token, and refuses one without", async () => {
      const path = join(folder, "clone");
      await repositoryAt(folder).git("clone", "--quiet", `${server.url}/robot/images.git`, path);
      const clone = repositoryAt(path);
      await clone.git("commit", "--quiet", "--allow-empty", "--message", "a change");
      const commit = await clone.commit("another");
      await expect(clone.git("push", "--quiet", "origin", "HEAD:pushed")).rejects.toThrow();
      const basic = Buffer.from(`x-access-token:${token}`).toString("base64");
      const header = `http.extraHeader=Authorization: Basic ${basic}`;
      await clone.git("-c", header, "push", "--quiet", "origin", "HEAD:pushed");
      expect(await server.branch("robot/images", "pushed")).toBe(commit);
      const head = { repository: "robot/images", branch: "pushed" };
      const opened = await pulls().open({ title: "Pushed", body: "", base: "main", head });
      expect(opened.head.commit).toBe(commit);
    });
  });
});
