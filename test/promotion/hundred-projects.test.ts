import { createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import { readManifestTree } from "../../src/manifest/index.ts";
import { type Digest, parseRepository, parseTag } from "../../src/oci/index.ts";
import { promote as promotion, type Report, verifyProduction } from "../../src/promotion/index.ts";
import { openRegistries, type RegistryEvent } from "../../src/registry/index.ts";
import { type RegistryServer, startRegistryServer } from "../../src/registry-server/index.ts";
import { defaultSettings } from "../../src/settings/index.ts";
import { type Project, temporaryFolder, writeTree } from "../support/tree.ts";

const projectCount = 100;
const lostProject = "project-013";
const conflictingProject = "project-042";
const unreachableProject = "project-077";
const bystander = parseTag("v9.9.9");
const absentDigest = `sha256:${"ab".repeat(32)}`;

describe("a run over a hundred projects, three of them broken", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let staging: RegistryServer;
  let production: RegistryServer;
  let late: RegistryServer | undefined;
  let latePort: number;
  const digests = new Map<string, Digest>();
  const requests: RegistryEvent[] = [];

  beforeAll(async () => {
    folder = await temporaryFolder("hundred");
    staging = await startRegistryServer({ dir: `${folder.path}/staging` });
    production = await startRegistryServer({ dir: `${folder.path}/production` });
    latePort = await freePort();
    const registries = registriesOf([]);
    for (const name of projectNames()) {
      const image = await buildImage("app", name);
      digests.set(name, image.root.descriptor.digest);
      await pushImage(image, registries.repository(parseRepository(`${staging.address}/${name}/app`)), [
        parseTag("v1"),
      ]);
    }
    const other = await buildImage("app", "something else");
    const taken = parseRepository(`${production.address}/eu/${conflictingProject}/app`);
    await pushImage(other, registries.repository(taken), [parseTag("v1")]);
    await registries.close();
    await writeTree(folder.path, projects());
  });

  afterAll(async () => {
    await Promise.all([staging.close(), production.close(), late?.close()]);
    await folder.remove();
  });

  const projectNames = () =>
    Array.from({ length: projectCount }, (_, index) => `project-${`${index}`.padStart(3, "0")}`);

  const projects = (mended = false): Project[] =>
    projectNames().map((name) => ({
      name,
      source: `${staging.address}/${name}`,
      destinations: [
        name === unreachableProject ? `127.0.0.1:${latePort}/eu/${name}` : `${production.address}/eu/${name}`,
      ],
      images: {
        app: {
          [name === lostProject && !mended ? absentDigest : (digests.get(name) ?? "")]: ["v1"],
        },
      },
    }));

  const registriesOf = (events: RegistryEvent[]) => {
    const settings = { ...defaultSettings, hosts: { [`127.0.0.1:${latePort}`]: { retries: 0 } } };
    return openRegistries({
      settings,
      environment: {},
      listener: (event) => events.push(event),
    });
  };

  const promote = async (): Promise<Report> => {
    requests.length = 0;
    const tree = await readManifestTree(folder.path);
    const registries = registriesOf(requests);
    const open = registries.repository;
    const { report } = await promotion({ tree, open, confirm: true });
    await registries.close();
    return report;
  };

  const writes = () =>
    requests.filter((event) => event.type === "request" && !["GET", "HEAD"].includes(event.method));

  it("promotes the ninety-seven others, and names the three with their lines", async () => {
    const report = await promote();
    expect(report.counts).toMatchObject({
      done: projectCount - 3,
      lost: 1,
      conflict: 1,
      unread: 1,
      failed: 0,
    });
    expect(report.asDesired).toBe(false);
    const named = report.problems.map(({ project, state, at }) => [project, state, at]);
    const at = (project: string) => `${folder.path}/images/${project}/images.yaml:3:`;
    expect(named).toEqual(
      expect.arrayContaining([
        [lostProject, "lost", expect.stringContaining(at(lostProject))],
        [conflictingProject, "conflict", expect.stringContaining(at(conflictingProject))],
        [unreachableProject, "unread", expect.stringContaining(at(unreachableProject))],
      ]),
    );
    expect(named).toHaveLength(3);
  });

  it("does only the three once they are mended, then nothing at all", async () => {
    late = await startRegistryServer({ dir: `${folder.path}/late`, listen: { port: latePort } });
    const registries = registriesOf([]);
    const taken = registries.repository(
      parseRepository(`${production.address}/eu/${conflictingProject}/app`),
    );
    await taken.delete(parseTag("v1"));
    await registries.close();
    await writeTree(folder.path, projects(true));

    const second = await promote();
    expect(second.counts).toMatchObject({ done: 3, present: projectCount - 3 });
    expect(second.work.map(({ project }) => project).sort()).toEqual(
      [lostProject, conflictingProject, unreachableProject].sort(),
    );
    expect(second.asDesired).toBe(true);

    const third = await promote();
    expect(third.counts).toMatchObject({ done: 0, present: projectCount });
    expect(writes()).toEqual([]);
    expect(requests.length).toBeLessThanOrEqual(projectCount);
  });

  it("leaves production complete", async () => {
    const tree = await readManifestTree(folder.path);
    const registries = registriesOf([]);
    const verification = await verifyProduction({ manifests: tree.manifests, open: registries.repository });
    await registries.close();
    expect(verification).toMatchObject({
      repositories: projectCount,
      images: projectCount,
      tags: projectCount,
    });
    expect(verification.findings).toEqual([]);
  });

  it("says what production lacks", async () => {
    const tree = await readManifestTree(folder.path);
    const registries = registriesOf([]);
    const repository = registries.repository(parseRepository(`${production.address}/eu/project-000/app`));
    await repository.delete(parseTag("v1"));
    const other = registries.repository(parseRepository(`${production.address}/eu/project-001/app`));
    await pushImage(await buildImage("app", "moved"), other, [bystander]);
    const verification = await verifyProduction({ manifests: tree.manifests, open: registries.repository });
    await registries.close();
    expect(verification.findings).toMatchObject([
      { kind: "missing-tag", destination: repository.name, at: expect.stringContaining("project-000") },
    ]);
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
