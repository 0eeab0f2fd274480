import { join } from "node:path";
import { afterEach, beforeEach, describe, expect } from "vitest";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import { parseRepository, parseTag } from "../../src/oci/index.ts";
import { startRegistryServer } from "../../src/registry-server/index.ts";
import { type Captured, runWith } from "../cli/captured.ts";
import { type ForgeServer, startForgeServer } from "../support/forge-server/server.ts";
import { gitEnvironment } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import { temporaryFolder } from "../support/tree.ts";
import { registriesWith } from "../support/world.ts";

const test = testWith("git");
const path = "team/images";
const file = "images/foo/images.yaml";

/** Everything that a pull request must have is looked at by every run. */
describe.each(["github", "gitlab", "gitea"] as const)("waybill pr on %s, run again", (kind) => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let staging: Awaited<ReturnType<typeof startRegistryServer>>;
  let forge: ForgeServer;
  let robot: string;
  let digests: Record<string, string>;
  /** When commits are made, where it matters. */
  let dates: Record<string, string>;

  beforeEach(async () => {
    dates = {};
    folder = await temporaryFolder("pr-again");
    staging = await startRegistryServer({ dir: join(folder.path, "staging") });
    forge = await startForgeServer({ kind });
    digests = {};
    const registries = registriesWith();
    for (const tag of ["v1", "v2", "v3"]) {
      const image = await buildImage("app", tag);
      digests[tag] = image.root.descriptor.digest;
      const repository = registries.repository(parseRepository(`${staging.address}/foo/app`));
      await pushImage(image, repository, [parseTag(tag)]);
    }
    await registries.close();
    robot = forge.addUser("robot");
    forge.addUser("ann");
    await forge.createRepository(path, {
      [file]: `- name: app\n  dmap:\n    "${digests.v1}": ["v1"]\n`,
      "manifests/foo/promoter-manifest.yaml": `registries:\n- name: ${staging.address}/foo\n  src: true\n- name: ${staging.address}/prod\n`,
    });
    for (const name of ["robot", "ann"]) forge.addWriter(path, name);
  });

  afterEach(async () => {
    await forge.close();
    await staging.close();
    await folder.remove();
  });

  const propose = (as: string, ...words: string[]): Promise<Captured> =>
    runWith(
      {
        ...{ ...gitEnvironment, ...dates, HOME: folder.path },
        ...{ WAYBILL_CONFIG: "/dev/null", WAYBILL_FORGE_TOKEN: as },
      },
      ...["pr", `${forge.url}/${path}`, "--forge", kind, "--staging-repo", `${staging.address}/foo`],
      ...["--project", "foo", "--tag", "v2", "--label", "area/release", "--reviewer", "ann", ...words],
    );
  const pull = () => forge.pullRequest(path, 1);
  const statusOf = (commit: string | undefined): string | undefined =>
    forge.world
      .statusesOf(pull().base.repository, commit ?? "")
      .find(({ context }) => context === "waybill-hold")?.state;
  const branchCommit = () => forge.branch(path, pull().head.branch);
  const expectWhole = async (): Promise<void> => {
    expect([...pull().labels].sort()).toEqual(["area/release", "do-not-merge/hold"]);
    expect(pull().reviewers.map(({ name }) => name)).toEqual(["ann"]);
    if (kind === "github") expect(statusOf(await branchCommit())).toBe("pending");
    else expect(pull().draft).toBe(true);
  };
  const unchanged = { status: 0, stdout: expect.stringMatching(/^unchanged: http/) };

  test("does what failed after it was opened, which the first run has said with its address", async () => {
    const down = { kind: "answer", status: 503, body: "down" } as const;
    for (const method of ["PUT", "PATCH"]) {
      forge.failNext(down, { times: 50, method, path: /labels|merge_requests|pulls/ });
    }
    forge.failNext(down, { times: 50, method: "POST", path: /labels|requested_reviewers|statuses/ });
    const broken = await propose(robot);
    expect(broken).toMatchObject({ status: 2, stdout: expect.stringMatching(/^opened: http\S+\/1\n/) });
    expect(broken.stderr).toContain("it has not all labels: ");
    expect(broken.stderr).toContain("run it again");
    expect(pull().labels).toEqual([]);
    expect(pull().reviewers).toEqual([]);

    forge.clearFaults();
    expect(await propose(robot)).toMatchObject({ status: 0, stdout: expect.stringMatching(/^updated: /) });
    await expectWhole();
    expect(await propose(robot)).toMatchObject(unchanged);
  });

  test("holds, labels and asks when the connection was cut after it was opened", async () => {
    forge.failNext({ kind: "hang-up-after" }, { method: "POST", path: /(?:pulls|merge_requests)$/ });
    expect((await propose(robot)).status).toBe(1);
    expect(pull().labels).toEqual([]);
    expect(await propose(robot)).toMatchObject({ status: 0, stdout: expect.stringMatching(/^updated: /) });
    await expectWhole();
    expect(await propose(robot)).toMatchObject(unchanged);
  });

  test("repairs one thing at a time, and leaves the others done", async () => {
    const down = { kind: "answer", status: 503, body: "down" } as const;
    const writing = kind === "gitlab" ? /merge_requests\/1$/ : /labels$/;
    forge.failNext(down, { times: 9, method: "PUT", path: writing });
    const broken = await propose(robot);
    expect(broken).toMatchObject({ status: 2, stdout: expect.stringMatching(/^opened: /) });
    expect(pull().labels).toEqual([]);
    if (kind !== "gitlab") expect(pull().reviewers.map(({ name }) => name)).toEqual(["ann"]);
    // Whatever was still to come has come.
    forge.clearFaults();
    expect(await propose(robot)).toMatchObject({ status: 0, stdout: expect.stringMatching(/^updated: /) });
    await expectWhole();
    expect(await propose(robot)).toMatchObject(unchanged);
  });

  test("says who was not accepted as a reviewer, each time", async () => {
    for (const outcome of ["opened", "unchanged"]) {
      expect(await propose(robot, "--reviewer", "nobody")).toMatchObject({
        ...{ status: 2, stdout: `${outcome}: ${addressOf()}\n` },
        stderr: expect.stringContaining("the review of nobody was not requested"),
      });
      await expectWhole();
    }
  });

  test("repairs title and text, and asks again whom somebody has taken out", async () => {
    expect((await propose(robot)).status).toBe(0);
    await expectWhole();
    pull().title = "Something else";
    pull().body = "A word of mine.";
    pull().labels = ["do-not-merge/hold"];
    pull().reviewers.length = 0;
    expect(await propose(robot)).toMatchObject({ status: 0, stdout: expect.stringMatching(/^updated: /) });
    await expectWhole();
    expect(pull().title).toBe("Image promotion for foo v2");
    expect(pull().body).toMatch(/^A word of mine\.\n/);
  });

  test("says the same as long as the base is the same, also one that has gone on", async () => {
    expect((await propose(robot)).status).toBe(0);
    const pushed = await branchCommit();
    await forge.commit(path, "main", { "notes.md": "Something else.\n" });
    await propose(robot);
    const { body } = pull();
    const later = { GIT_AUTHOR_DATE: "2031-01-01T00:00:00Z", GIT_COMMITTER_DATE: "2031-01-01T00:00:00Z" };
    Object.assign(dates, later);
    expect(await propose(robot)).toMatchObject(unchanged);
    expect(pull().body).toBe(body);
    expect(await branchCommit()).toBe(pushed);
  });

  test("leaves it let go, also over a new commit, and held where it is held", async () => {
    expect((await propose(robot)).status).toBe(0);
    const env = { HOME: folder.path, WAYBILL_CONFIG: "/dev/null", WAYBILL_FORGE_TOKEN: robot };
    const change = async (): Promise<void> => {
      const images = `- name: app\n  dmap:\n    "${digests.v1}": ["v1"]\n    "${digests.v3}": ["v3"]\n`;
      await forge.commit(path, "main", { [file]: images });
    };
    await change();
    expect(await propose(robot)).toMatchObject({ status: 0, stdout: expect.stringMatching(/^updated: /) });
    await expectWhole();

    expect(
      await runWith({ ...gitEnvironment, ...env }, "unhold", addressOf(), "--forge", kind),
    ).toMatchObject({
      status: 0,
    });
    expect(pull().labels).toEqual(["area/release"]);
    expect(await propose(robot)).toMatchObject(unchanged);
    await forge.commit(path, "main", { [file]: `- name: app\n  dmap:\n    "${digests.v3}": ["v3"]\n` });
    expect(await propose(robot)).toMatchObject({ status: 0, stdout: expect.stringMatching(/^updated: /) });
    expect(pull().labels).toEqual(["area/release"]);
    expect(pull().draft).toBe(false);
    if (kind === "github") expect(statusOf(await branchCommit())).toBe("success");
  });

  const addressOf = (): string =>
    `${forge.url}/${path}/${{ github: "pull", gitlab: "-/merge_requests", gitea: "pulls" }[kind]}/1`;

  test("says to whoever may not write what was done, what was not, and who can do it", async () => {
    const usual = forge.addUser("usual");
    await forge.fork(path, "usual");
    for (const outcome of ["opened", "unchanged"]) {
      const proposed = await propose(usual, "--fork", "usual/images");
      expect(proposed).toMatchObject({ status: 2, stdout: `${outcome}: ${addressOf()}\n` });
      expect(proposed.stderr).toContain("it has not all labels: ");
      expect(proposed.stderr).toContain("it is not held as it should be: ");
      expect(proposed.stderr).toContain(
        `somebody who may write to ${path} can: waybill pr hold ${addressOf()} --by label`,
      );
      if (kind !== "gitlab") expect(proposed.stderr).toContain("the review of ann was not requested");
    }
    // What its author may do is done all the same.
    expect(pull().draft).toBe(kind !== "github");
    expect(pull().labels).toEqual([]);
    // Nor is undone what somebody else has let go.
    pull().draft = false;
    expect(await propose(usual, "--fork", "usual/images")).toMatchObject({ status: 2 });
    expect(pull().draft).toBe(false);
  });
});
