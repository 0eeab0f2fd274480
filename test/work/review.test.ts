import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect } from "vitest";
import type { Job } from "../../src/jobs/index.ts";
import type { ReviewToKeep } from "../../src/reviews/index.ts";
import { defaultSettings } from "../../src/settings/index.ts";
import { openRunFolder } from "../../src/store/index.ts";
import { carryOut, type WorkEnvironment } from "../../src/work/index.ts";
import { type ForgeServer, startForgeServer } from "../support/forge-server/server.ts";
import { gitEnvironment } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import { answer, serve } from "../support/scripted-server.ts";
import { temporaryFolder } from "../support/tree.ts";
import { takenRun } from "./taken.ts";

const path = "team/manifests";
const digest = `sha256:${"a".repeat(64)}`;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let forge: ForgeServer;

beforeAll(async () => {
  [folder, forge] = await Promise.all([temporaryFolder("work-review"), startForgeServer({ kind: "gitea" })]);
});
afterAll(async () => {
  await forge.close();
  await folder.remove();
});

testWith("git")("a review asks nothing of what a proposal alone names in our own network", async () => {
  const merged = await serve((_, response) => answer(response, 404));
  const named = await serve((_, response) => answer(response, 200, {}, "a page that is nobody's business"));
  const token = forge.addUser("robot");
  const manifest = (...hosts: string[]) =>
    [
      "registries:",
      `- {name: ${merged.host}/staging, src: true}`,
      ...hosts.map((host) => `- name: ${host}/prod`),
      "",
    ].join("\n");
  const file = "registry/manifests/app/promoter-manifest.yaml";
  await forge.createRepository(path, {
    [file]: manifest(merged.host),
    "registry/images/app/images.yaml": "# none yet\n",
  });
  forge.addWriter(path, "robot");
  await forge.commit(path, "proposed", {
    [file]: manifest(merged.host, named.host),
    "registry/images/app/images.yaml": `- name: hello\n  dmap:\n    "${digest}": [v1]\n`,
  });
  const opened = await fetch(`${forge.url}/api/v1/repos/${path}/pulls`, {
    method: "POST",
    headers: { authorization: `token ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ title: "a change", head: "proposed", base: "main", body: "" }),
  });
  expect(opened.status).toBe(201);
  const job: Job = {
    name: "review",
    repo: `${forge.url}/${path}.git`,
    work: { kind: "review", review: { manifests: "registry" } },
  };
  const kept: ReviewToKeep[] = [];
  const fences: unknown[] = [];
  const environment: WorkEnvironment = {
    keepReview: async (judged, fence) => {
      kept.push(judged);
      fences.push(fence);
    },
    records: openRunFolder(join(folder.path, "records")),
    settings: { ...defaultSettings, forges: { [forge.host]: { kind: "gitea" } } },
    environment: { ...gitEnvironment, HOME: folder.path, WAYBILL_FORGE_TOKEN: token },
    folder: join(folder.path, "work"),
    pageOf: () => undefined,
    grace: 5_000,
    outbox: { setStatus: async () => undefined, putComment: async () => undefined },
    onProblem: (error) => {
      throw error;
    },
  };
  const { run } = takenRun(job, { pull: 1, type: "presubmit", ref: "refs/heads/main" });
  expect(await carryOut(run, environment)).toMatchObject({ result: "FAILURE" });
  expect(merged.seen.length).toBeGreaterThan(0);
  expect(named.seen).toEqual([]);
  expect(kept).toMatchObject([{ job: "review", number: 1, review: { verdict: "fails" } }]);
  expect(fences).toEqual([run.fence]);
  const log = await text((await environment.records.find("review")).log());
  expect(log).toContain("has a loopback address");
  expect(log).not.toContain("nobody's business");
});
