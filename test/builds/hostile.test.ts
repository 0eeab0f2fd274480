import { existsSync } from "node:fs";
import { mkdir, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect } from "vitest";
import { hasProgram, testWith } from "../support/programs.ts";
import { type BuildWorld, openBuildWorld } from "./build-world.ts";

const withBuildah = testWith("buildah");
let world: BuildWorld;
/** A folder of this machine that no build has to do with. */
let outside: string;
beforeAll(async () => {
  if (hasProgram("buildah")) world = await openBuildWorld();
});
afterAll(() => world?.close());
beforeEach(async () => {
  if (world === undefined) return;
  outside = join(world.folder, "outside");
  await rm(outside, { recursive: true, force: true });
  await mkdir(outside);
});

const loose = "options: {substitutionOption: ALLOW_LOOSE}\n";

/** A build file with one step by `docker`. */
function docker(...args: string[]): string {
  return `${loose}steps: [{name: gcr.io/cloud-builders/docker, args: ${JSON.stringify(args)}}]\n`;
}

describe("a build file of somebody else", () => {
  withBuildah("does not have images written to a folder of this machine", async () => {
    const target = join(outside, "written");
    await world.commit({
      "cloudbuild.yaml": docker("build", "-t", `dir:${target}`, "."),
      Dockerfile: "FROM scratch\nCOPY Dockerfile /\n",
    });
    const { result } = await world.build();
    expect(result.plan.builds[0]?.actions).toMatchObject([
      { kind: "container", reason: expect.stringContaining(`invalid image name "dir:${target}"`) },
    ]);
    expect(existsSync(target)).toBe(false);
  });

  withBuildah("does not have files read that links of its source lead to", async () => {
    await writeFile(join(outside, "private"), "private\n");
    await writeFile(join(outside, "Dockerfile"), "FROM scratch\nCOPY private /\n");
    await mkdir(join(world.repository.path, "lower"), { recursive: true });
    for (const [link, target] of [
      ["folder", ""],
      ["named", "Dockerfile"],
      ["lower/dockerfile", "private"],
    ] as const) {
      await symlink(join(outside, target), join(world.repository.path, link));
    }
    for (const args of [["folder"], ["-f", "named", "."], ["lower"]]) {
      await world.commit({ "cloudbuild.yaml": docker("build", "-t", "a/b:c", ...args) });
      const { result, log } = await world.build();
      expect(result.outcomes[0]).toMatchObject({
        status: "failure",
        failure: { code: expect.stringMatching(/^(source-unreadable|dockerfile-missing)$/) },
      });
      expect(log).not.toContain("STEP");
    }
  });

  withBuildah("may have links that stay in its source", async () => {
    await mkdir(join(world.repository.path, "real"));
    await symlink("real", join(world.repository.path, "alias"));
    await world.commit({
      "cloudbuild.yaml": docker("build", "-t", "a/b:c", "alias"),
      "real/Dockerfile": "FROM scratch\nCOPY Dockerfile /\n",
    });
    const { result } = await world.build();
    expect(result.outcomes[0]?.status).toBe("success");
  });

  withBuildah("does not have folders of this machine mounted as volumes", async () => {
    const [upper, work] = [join(outside, "upper"), join(outside, "work")];
    await Promise.all([mkdir(upper), mkdir(work)]);
    const step = (path: string) =>
      `- {name: '${world.stepImage}', args: [sh, -c, 'echo > /x/made'], volumes: [{name: vol, path: '${path}'}]}\n`;
    await world.commit({
      "cloudbuild.yaml": `${loose}steps:\n${step(`/x:O,upperdir=${upper},workdir=${work}`)}${step("/x")}`,
    });
    await expect(world.build()).rejects.toThrow("invalid path of a volume");
    expect(await readdir(upper)).toEqual([]);
  });
});

describe("a Dockerfile that writes to its context", () => {
  withBuildah("changes a copy of the source", async () => {
    const configDir = join(world.repository.path, "writes");
    await world.commit({
      "writes/cloudbuild.yaml": docker("build", "-t", "a/b:c", "."),
      "writes/Dockerfile": `FROM ${world.stepImage}\nRUN --mount=type=bind,source=.,target=/src,rw echo > /src/made\n`,
    });
    const { result } = await world.build({ configDir });
    expect(result.outcomes[0]?.status).toBe("success");
    expect(await readdir(configDir)).not.toContain("made");
  });
});
