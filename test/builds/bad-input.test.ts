import { spawnSync } from "node:child_process";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { prepareBuild } from "../../src/builds/index.ts";
import { processMark } from "../../src/disk/index.ts";
import { executable } from "../support/built.ts";
import { run } from "../support/child.ts";
import { startDockerRegistry } from "../support/docker-registry.ts";
import { hasProgram, testWith } from "../support/programs.ts";
import { type BuildWorld, openBuildWorld } from "./build-world.ts";

const withBuildah = testWith("buildah");
const withRegistry = testWith("buildah", "docker-registry");
/** A small disk has to be mounted, which not every machine lets its users do. */
const canMount = spawnSync("unshare", ["--map-root-user", "--mount", "true"]).status === 0;
const withDisk = canMount ? withBuildah : testWith("unshare-with-mount");
let world: BuildWorld;
beforeAll(async () => {
  if (hasProgram("buildah")) world = await openBuildWorld();
});
afterAll(async () => {
  await world?.close();
});

const loose = "options: {substitutionOption: ALLOW_LOOSE}\n";
const build = `${loose}steps:
- name: gcr.io/cloud-builders/docker
  args: [build, -t, 'gcr.io/$PROJECT_ID/hello:1', context]
images: ['gcr.io/$PROJECT_ID/hello:1']
`;

describe("what goes wrong with a build", () => {
  withBuildah("a Dockerfile that is not there is told with its place", async () => {
    await world.commit({ "cloudbuild.yaml": build, "context/other": "x" });
    const { result, log } = await world.build();
    expect(result.outcomes[0]).toMatchObject({
      status: "failure",
      steps: [{ status: "failure" }],
      failure: { code: "dockerfile-missing", where: join(world.repository.path, "context/Dockerfile") },
    });
    expect(log).toContain("Step #0:");
    expect(log).toContain("there is no Dockerfile\n");
  });

  withBuildah("a context that is not there is told, too", async () => {
    await world.commit({ "cloudbuild.yaml": build.replace("context]", "nowhere]") });
    const { result } = await world.build();
    expect(result.outcomes[0]?.failure).toMatchObject({
      code: "dockerfile-missing",
      where: join(world.repository.path, "nowhere"),
    });
  });

  withBuildah("an image of a step that cannot be pulled is told with its name", async () => {
    const image = `${world.registry}/tools/no-such:1`;
    await world.commit({ "cloudbuild.yaml": `${loose}steps: [{name: '${image}', args: [x]}]\n` });
    const { result } = await world.build();
    expect(result.outcomes[0]?.failure).toMatchObject({
      code: "step-image-unavailable",
      where: image,
      hint: expect.stringContaining("buildah pull"),
    });
  });

  withBuildah(
    "an image that no step made is told as Cloud Build tells it, and nothing is pushed",
    async () => {
      await world.commit({
        "cloudbuild.yaml": build.replace("images: [", "images: ['gcr.io/$PROJECT_ID/other:2', "),
        "context/Dockerfile": "FROM scratch\nENV A=b\n",
      });
      const { result } = await world.build({ pushTo: `${world.registry}/none` });
      expect(result.outcomes[0]?.failure).toMatchObject({
        code: "image-missing",
        message:
          'failed to find one or more images after execution of build steps: ["gcr.io/k8s-staging-demo/other:2"]',
      });
      expect(result.images).toEqual([]);
    },
  );

  withRegistry("a push that is refused is told, and what was pushed before is recorded", async () => {
    const registry = await startDockerRegistry({ users: { somebody: "secret" } });
    try {
      await world.commit({ "cloudbuild.yaml": build, "context/Dockerfile": "FROM scratch\nENV A=b\n" });
      const { result, log } = await world.build({ pushTo: registry.host });
      expect(result.outcomes[0]).toMatchObject({
        status: "failure",
        steps: [{ status: "success" }],
        failure: { code: "push-failed", where: `${registry.host}/hello:1` },
      });
      expect(result.images).toEqual([]);
      expect(log).toContain("build: failure: the image could not be pushed");
    } finally {
      await registry.stop();
    }
  });

  withBuildah("nothing of any of them is left", async () => {
    const left = (await readdir(tmpdir())).filter((name) =>
      name.startsWith(`waybill-build-${processMark()}`),
    );
    expect(left).toEqual([]);
  });

  withBuildah("a machine without an engine is told what to install, or to look at the plan", async () => {
    await world.commit({ "cloudbuild.yaml": build });
    const tools = join(world.folder, "tools");
    await mkdir(tools, { recursive: true });
    const git = spawnSync("sh", ["-c", "command -v git"], { encoding: "utf8" }).stdout.trim();
    await writeFile(join(tools, "git"), `#!/bin/sh\nexec ${git} "$@"\n`, { mode: 0o755 });
    const request = { configDir: world.repository.path, environment: { PATH: tools }, project: "p" };
    await expect(prepareBuild(request)).rejects.toMatchObject({
      code: "engine-missing",
      message: expect.stringMatching(/docker: .*buildah: .*podman: /),
      hint: expect.stringContaining("--engine plan"),
    });
    const planned = await prepareBuild({ ...request, engine: "plan" });
    expect(planned.plan.builds[0]?.pushes).toEqual([
      { image: "gcr.io/p/hello:1", repository: "gcr.io/p/hello", tag: "1" },
    ]);
  });

  withDisk("a full disk is told as one, and what was made is removed", async () => {
    await world.commit({
      "cloudbuild.yaml": build,
      "context/Dockerfile": "FROM scratch\nCOPY large /\n",
      "context/large": "x".repeat(3 * 1024 * 1024),
    });
    const small = join(world.folder, "small");
    await mkdir(small, { recursive: true });
    const words = [
      "build",
      world.repository.path,
      "--json",
      ...["--data-dir", world.data, "--engine", "buildah", "--project", "demo", "--job", "full"],
    ];
    const script = `mount -t tmpfs -o size=2m tmpfs ${small} && ${process.execPath} ${executable("waybill")} "$@"; code=$?; ls ${small} >&2; exit $code`;
    const unshare = ["--map-root-user", "--mount", "sh", "-c", script, "sh", ...words];
    const ended = await run("unshare", unshare, { ...process.env, TMPDIR: small });
    expect(ended.code, ended.stderr).toBe(2);
    const { outcomes } = JSON.parse(ended.stdout);
    expect(outcomes[0].failure, ended.stderr).toMatchObject({ code: "disk-full" });
    expect(ended.stderr).not.toMatch(/^waybill-build-/m);
    const latest = (await readFile(join(world.data, "logs/full/latest-build.txt"), "utf8")).trim();
    const finished = JSON.parse(
      await readFile(join(world.data, "logs/full", latest, "finished.json"), "utf8"),
    );
    expect(finished).toMatchObject({ passed: false, result: "FAILURE" });
  });
});
