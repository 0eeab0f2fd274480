import { spawnSync } from "node:child_process";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { openRunFolder } from "../../src/store/index.ts";
import { executable, start } from "../support/built.ts";
import { testWith } from "../support/programs.ts";
import { type BuildWorld, openBuildWorld } from "./build-world.ts";

const withBuildah = testWith("buildah");
let world: BuildWorld;
beforeAll(async () => {
  world = await openBuildWorld();
});
afterAll(async () => {
  await world?.close();
});

const loose = "options: {substitutionOption: ALLOW_LOOSE}\n";
const quick = `steps:
- name: gcr.io/cloud-builders/docker
  args: [build, -t, 'gcr.io/$PROJECT_ID/hello:$_GIT_TAG', .]
images: ['gcr.io/$PROJECT_ID/hello:$_GIT_TAG']
`;

/** Folders of builds that this machine has, and processes that work in them. */
async function leftovers(pid: number): Promise<string[]> {
  const folders = (await readdir(tmpdir())).filter((name) => name.startsWith(`waybill-build-${pid}-`));
  const processes = spawnSync("pgrep", ["-f", `waybill-build-${pid}-`], { encoding: "utf8" }).stdout;
  return [...folders, ...processes.split("\n").filter((line) => line !== "")];
}

async function untilGone(pid: number): Promise<string[]> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const left = await leftovers(pid);
    if (left.length === 0) return left;
    await sleep(100);
  }
  return leftovers(pid);
}

function startBuild(...words: string[]): ReturnType<typeof start> {
  return startBuildIn(process.env, ...words);
}

function startBuildIn(env: NodeJS.ProcessEnv, ...words: string[]): ReturnType<typeof start> {
  const data = ["--data-dir", world.data, "--engine", "buildah", "--project", "demo"];
  return start(executable("waybill"), ["build", world.repository.path, ...data, ...words], env);
}

/** Waits for a line of the log. */
function said(child: ReturnType<typeof start>["child"], text: string): Promise<void> {
  return new Promise((resolve) => {
    let written = "";
    child.stderr.on("data", (chunk: string) => {
      written += chunk;
      if (written.includes(text)) resolve();
    });
    child.once("close", () => resolve());
  });
}

const sleeping = () => `${loose}steps:
- name: ${world.stepImage}
  args: [sh, -c, 'echo it has begun; sleep 600']
`;

const recorded = async (job: string) => (await openRunFolder(world.data).list({ job, limit: 100 })).runs;

describe("a build in a process of its own", () => {
  withBuildah("leaves a record that says so when it is killed, and nothing else", async () => {
    await world.commit({ "cloudbuild.yaml": sleeping() });
    const { child, ended } = startBuild("--job", "killed");
    await said(child, "it has begun");
    const [before] = await recorded("killed");
    expect(before?.result).toBe("PENDING");
    child.kill("SIGKILL");
    await ended;
    const [run] = await recorded("killed");
    expect(run).toMatchObject({ result: "CRASHED" });
    expect(await readFile(join(run?.where ?? "", "build-log.txt"), "utf8")).toContain("it has begun\n");
    expect(JSON.parse(await readFile(join(run?.where ?? "", "artifacts/plan.json"), "utf8"))).toMatchObject({
      format: "waybill-build/1",
    });
    expect(await untilGone(child.pid ?? 0)).toEqual([]);

    await world.commit({ "cloudbuild.yaml": quick, Dockerfile: "FROM scratch\nENV A=b\n" });
    const again = await startBuild("--job", "killed").ended;
    expect(again.status, again.stderr).toBe(0);
    const [second, first] = await recorded("killed");
    expect(second?.result).toBe("SUCCESS");
    expect(first?.result).toBe("ABORTED");
  });

  withBuildah("leaves no folder of Buildah's own either, of what it built by itself", async () => {
    const own = join(world.folder, "killed");
    await mkdir(own);
    await world.commit({
      "cloudbuild.yaml": quick,
      Dockerfile: `FROM ${world.stepImage}\nRUN echo it has begun; sleep 600\n`,
    });
    const { child, ended } = startBuildIn({ ...process.env, TMPDIR: own }, "--job", "killed-own");
    await said(child, "Step #0: it has begun");
    child.kill("SIGKILL");
    await ended;
    for (let attempt = 0; attempt < 100 && (await readdir(own)).length > 0; attempt += 1) await sleep(100);
    expect(await readdir(own)).toEqual([]);
  });

  withBuildah("stops its steps and leaves nothing when it is interrupted", async () => {
    await world.commit({ "cloudbuild.yaml": sleeping() });
    const { child, ended } = startBuild("--job", "interrupted", "--grace", "0");
    await said(child, "it has begun");
    child.kill("SIGINT");
    const { status } = await ended;
    expect(status).toBe(130);
    const [run] = await recorded("interrupted");
    expect(run?.result).toBe("ABORTED");
    expect(await untilGone(child.pid ?? 0)).toEqual([]);
  });

  withBuildah("meets the same build, started three times at once, in nothing", async () => {
    await world.commit({ "cloudbuild.yaml": quick, Dockerfile: "FROM scratch\nCOPY Dockerfile /\n" });
    const builds = [1, 2, 3].map(() => startBuild("--job", "thrice"));
    const ends = await Promise.all(builds.map(({ ended }) => ended));
    for (const { status, stderr } of ends) expect(status, stderr).toBe(0);
    const runs = await recorded("thrice");
    expect(runs.map(({ result }) => result)).toEqual(["SUCCESS", "SUCCESS", "SUCCESS"]);
    expect(new Set(runs.map(({ id }) => id)).size).toBe(3);
    const latest = await readFile(join(world.data, "logs/thrice/latest-build.txt"), "utf8");
    expect(latest.trim()).toBe(runs[0]?.id);
    for (const { where: folder } of runs) {
      const images = JSON.parse(await readFile(join(folder, "artifacts/images.json"), "utf8"));
      expect(images.images).toHaveLength(1);
      expect(images.images[0].provenance).toMatch(/^sha256:/);
    }
  });
});
