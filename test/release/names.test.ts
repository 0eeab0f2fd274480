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

describe.each(["github", "gitlab", "gitea"] as const)("on %s", (kind) => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let staging: Awaited<ReturnType<typeof startRegistryServer>>;
  let forge: ForgeServer;
  let robot: string;

  beforeEach(async () => {
    folder = await temporaryFolder("pr-names");
    staging = await startRegistryServer({ dir: join(folder.path, "staging") });
    forge = await startForgeServer({ kind });
    const registries = registriesWith();
    const image = await buildImage("app", "v2");
    const repository = registries.repository(parseRepository(`${staging.address}/foo/app`));
    await pushImage(image, repository, [parseTag("v2")]);
    await registries.close();
    robot = forge.addUser("robot");
    await forge.createRepository("team/images", {
      "images/foo/images.yaml": "- name: app\n  dmap: {}\n",
      "manifests/foo/promoter-manifest.yaml": `registries:\n- name: ${staging.address}/foo\n  src: true\n- name: ${staging.address}/prod\n`,
    });
    forge.addWriter("team/images", "robot");
  });

  afterEach(async () => {
    await forge.close();
    await staging.close();
    await folder.remove();
  });

  const run = (token: string | undefined, ...words: string[]): Promise<Captured> =>
    runWith(
      {
        ...{ ...gitEnvironment, HOME: folder.path, WAYBILL_CONFIG: "/dev/null" },
        ...(token === undefined ? {} : { WAYBILL_FORGE_TOKEN: token }),
      },
      ...words,
      ...["--forge", kind],
    );
  const propose = (at: string, token: string | undefined, ...words: string[]): Promise<Captured> =>
    run(token, "pr", at, "--staging-repo", `${staging.address}/foo`, "--tag", "v2", ...words);
  const addressIn = (path: string): string =>
    `${forge.url}/${path}/${{ github: "pull", gitlab: "-/merge_requests", gitea: "pulls" }[kind]}/1`;

  test("a repository that was renamed is followed, and it is said", async () => {
    await forge.rename("team/images", "team/promoted");
    const proposed = await propose(`${forge.url}/team/images`, robot);
    expect(proposed).toMatchObject({
      ...{ status: 0, stdout: `opened: ${addressIn("team/promoted")}\n` },
      stderr: expect.stringContaining("warning: team/images is called team/promoted now\n"),
    });
    expect(proposed.stderr.match(/is called/g)).toHaveLength(1);
    for (const verb of ["unhold", "hold"]) {
      expect(await run(robot, verb, addressIn("team/images"))).toMatchObject({
        ...{ status: 0, stdout: expect.stringContaining(`${addressIn("team/promoted")}: `) },
        stderr: expect.stringContaining("team/images is called team/promoted now"),
      });
    }
    expect(forge.pullRequest("team/promoted", 1).labels).toEqual(["do-not-merge/hold"]);
  });

  test("a forge is pushed to by the name that it is asked at, whatever it calls itself", async () => {
    const other = forge.host.replace("127.0.0.1", "localhost");
    expect(await propose(`http://${other}/team/images`, robot)).toMatchObject({
      ...{ status: 0, stdout: `opened: ${addressIn("team/images")}\n` },
    });
  });

  test("a dry run of what is public needs no token", async () => {
    const looked = await propose(`${forge.url}/team/images`, undefined, "--dry-run");
    expect(looked).toMatchObject({ status: 0, stdout: expect.stringContaining("v2") });
    expect(looked.stderr).toContain("what is public is looked at without one");
    expect(forge.seen.every(({ by }) => by === "none")).toBe(true);
    expect(await propose(`${forge.url}/team/images`, undefined)).toMatchObject({
      ...{ status: 1, stderr: expect.stringContaining("there is no token for") },
    });
  });

  test("a title that is too long is cut, which is said once and changes nothing more", async () => {
    const words = ["--title", `Promote ${"all of it ".repeat(40)}`];
    const proposed = await propose(`${forge.url}/team/images`, robot, ...words);
    expect(proposed).toMatchObject({ status: 0, stdout: `opened: ${addressIn("team/images")}\n` });
    expect(proposed.stderr).toContain("the title is longer than the forge takes: it is cut");
    expect(await propose(`${forge.url}/team/images`, robot, ...words)).toMatchObject({
      ...{ status: 0, stdout: `unchanged: ${addressIn("team/images")}\n` },
    });
  });

  test("what is merged or closed is not held", async () => {
    await propose(`${forge.url}/team/images`, robot, "--no-hold");
    forge.closePullRequest("team/images", 1);
    for (const state of ["closed", "merged"] as const) {
      const mergedAt = state === "merged" ? "2026-05-01T00:00:00Z" : undefined;
      Object.assign(forge.pullRequest("team/images", 1), { state, mergedAt });
      expect(await run(robot, "hold", addressIn("team/images"))).toMatchObject({
        ...{ status: 1, stdout: "" },
        stderr: expect.stringContaining(`the pull request is ${state}: nothing of it can be held`),
      });
    }
    expect(forge.pullRequest("team/images", 1).labels).toEqual([]);
  });

  test("a forge that leaves a label out without a word is not believed", async () => {
    await propose(`${forge.url}/team/images`, robot, "--no-hold");
    const usual = forge.addUser("usual");
    const held = await run(usual, "hold", addressIn("team/images"), "--by", "label");
    expect(held).toMatchObject({ status: 1, stdout: "" });
    if (kind === "gitlab") expect(held.stderr).toMatch(/has not held it by label|Forbidden/);
  });
});
