import { join } from "node:path";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import type { Job, JobProposal } from "../../src/jobs/index.ts";
import { type Descriptor, parseRepository, parseTag } from "../../src/oci/index.ts";
import type { TakenRun } from "../../src/queue/index.ts";
import { type RegistryServer, startRegistryServer } from "../../src/registry-server/index.ts";
import { defaultSettings } from "../../src/settings/index.ts";
import { openRunFolder } from "../../src/store/index.ts";
import { carryOut, type WorkEnvironment } from "../../src/work/index.ts";
import { type ForgeServer, startForgeServer } from "../support/forge-server/server.ts";
import { gitEnvironment, repositoryAt } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import { temporaryFolder } from "../support/tree.ts";
import { registriesWith } from "../support/world.ts";
import { takenRun } from "./taken.ts";

const list = "registry/images/app/images.yaml";
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let forge: ForgeServer;
let server: RegistryServer;
let environment: WorkEnvironment;
/** What staging holds, by `name:tag`. */
const images = new Map<string, Descriptor>();
let repositories = 0;

beforeAll(async () => {
  [folder, forge] = await Promise.all([temporaryFolder("work-propose"), startForgeServer({ kind: "gitea" })]);
  server = await startRegistryServer({ dir: join(folder.path, "registry") });
  const token = forge.addUser("robot");
  const registries = registriesWith();
  for (const name of ["one", "two"]) {
    for (const tag of ["v1.0.0", "v1.0.1", "latest"]) {
      const built = await buildImage(name, tag);
      const repository = registries.repository(parseRepository(`${server.address}/staging/${name}`));
      await pushImage(built, repository, [parseTag(tag)]);
      images.set(`${name}:${tag}`, built.root.descriptor);
    }
  }
  await registries.close();
  environment = {
    records: openRunFolder(join(folder.path, "records")),
    settings: { ...defaultSettings, forges: { [forge.host]: { kind: "gitea" } } },
    environment: { ...gitEnvironment, HOME: folder.path, WAYBILL_FORGE_TOKEN: token },
    folder: join(folder.path, "work"),
    pageOf: ({ job, id }) => `https://waybill.example.com/runs/${job}/${id}`,
    grace: 5_000,
    outbox: { setStatus: async () => undefined, putComment: async () => undefined },
    onProblem: (error) => {
      throw error;
    },
  };
});

afterAll(async () => {
  await Promise.all([server?.close(), forge?.close()]);
  await folder?.remove();
});

/** A repository with manifests that ask for nothing yet, and how something is proposed to it. */
async function manifests() {
  repositories += 1;
  const path = `team/manifests-${repositories}`;
  await forge.createRepository(path, {
    [list]: "# nothing yet\n",
    "registry/manifests/app/promoter-manifest.yaml": [
      "registries:",
      `- {name: ${server.address}/staging, src: true}`,
      `- name: ${server.address}/production`,
      "",
    ].join("\n"),
  });
  forge.addWriter(path, "robot");
  const propose = (
    more: Partial<JobProposal>,
    taken: Partial<TakenRun> = {},
    after?: { job: string; id: string },
  ) => {
    const job: Job = {
      name: "propose",
      repo: "https://example.com/team/app.git",
      ...(more.from === undefined ? { after: ["build"] } : { on: {} }),
      work: {
        kind: "propose",
        propose: {
          ...{ from: "build", repo: `${forge.url}/${path}`, manifests: "registry", project: "app" },
          staging: `${server.address}/staging`,
          ...more,
        },
      },
    };
    const { run } = takenRun(job, taken);
    return carryOut({ ...run, input: { ...(run.input as object), after } }, environment);
  };
  const proposed = async () => {
    const [pull, ...others] = forge.pullRequests(path);
    expect(others).toEqual([]);
    if (pull === undefined) return "";
    return repositoryAt(pull.base.repository.folder).git("show", `${pull.head.branch}:${list}`);
  };
  return { propose, proposed, requests: () => forge.pullRequests(path) };
}

/** A build that is over, and what it made, such as `one:v1.0.1 as v1.0.0`. */
async function built(job: string, ...made: readonly string[]): Promise<{ job: string; id: string }> {
  const run = await openRunFolder(join(folder.path, "records")).start({ job, type: "postsubmit" });
  const document = {
    format: "waybill-images/1",
    run: { job, id: run.id },
    source: { isDirty: false, path: "" },
    tag: "v1.0.0",
    images: made.map((each) => {
      const [name = "", as] = each.split(" as ");
      const { digest, mediaType, size } = images.get(name) ?? {};
      const [repository, tag = ""] = name.split(":");
      return {
        ...{ build: "build", name, repository: `${server.address}/staging/${repository}` },
        ...{ digest, mediaType, size, tags: [as ?? tag], seenBy: ["waybill"] },
      };
    }),
  };
  await run.write("images.json", JSON.stringify(document));
  await run.finish({ result: "SUCCESS" });
  return { job, id: run.id };
}

const digestOf = (name: string): string => images.get(name)?.digest ?? "absent";

describe("a proposal by itself", () => {
  testWith("git")("of a build that made nothing proposes nothing", async () => {
    const { propose, requests } = await manifests();
    const outcome = await propose({}, {}, await built("nothing"));
    expect(requests()).toEqual([]);
    expect(outcome).toMatchObject({
      result: "SUCCESS",
      details: { summary: "nothing to propose: the build made no images" },
    });
  });

  testWith("git")("of two builds of one tag proposes what both have made", async () => {
    const { propose, proposed } = await manifests();
    expect(await propose({}, {}, await built("build-one", "one:v1.0.0"))).toMatchObject({
      result: "SUCCESS",
    });
    expect(await propose({}, {}, await built("build-two", "two:v1.0.0"))).toMatchObject({
      result: "SUCCESS",
    });
    expect(await proposed()).toContain(digestOf("one:v1.0.0"));
    expect(await proposed()).toContain(digestOf("two:v1.0.0"));
    await propose({}, {}, await built("build-one", "one:v1.0.1 as v1.0.0"));
    expect(await proposed()).toContain(digestOf("one:v1.0.1"));
    expect(await proposed()).not.toContain(digestOf("one:v1.0.0"));
    expect(await proposed()).toContain(digestOf("two:v1.0.0"));
  });

  testWith("git")("of an image without a tag of its own proposes it beside one that has one", async () => {
    const { propose, proposed } = await manifests();
    await propose({}, {}, await built("both", "one:v1.0.0", "two:latest"));
    expect(await proposed()).toContain(digestOf("one:v1.0.0"));
    expect(await proposed()).toContain(digestOf("two:latest"));
  });

  testWith("git")("takes a tag of Git for a name, and for no pattern", async () => {
    const { propose, requests } = await manifests();
    const outcome = await propose({ from: "tag" }, { ref: "refs/tags/v1.0.{0,1}" });
    expect(requests()).toEqual([]);
    expect(outcome).toMatchObject({
      result: "ERROR",
      details: { summary: '"v1.0.{0,1}" cannot be the tag of an image' },
    });
  });
});
