import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import { parseRepository, parseTag } from "../../src/oci/index.ts";
import { attachStatement, slsaStatement } from "../../src/provenance/index.ts";
import { type RegistryServer, startRegistryServer } from "../../src/registry-server/index.ts";
import {
  merged,
  mirrors,
  one,
  pull,
  source,
  staging,
  tellWholeStory,
  toldWorld,
} from "../history/told-world.ts";
import { serverMigrations, serverWorld } from "../server/server-world.ts";
import { usePglite } from "../support/databases.ts";
import { createRepository, gitEnvironment } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import { temporaryFolder, writeTree } from "../support/tree.ts";
import { registriesWith } from "../support/world.ts";
import { runWith } from "./captured.ts";

describe("trace in a checkout", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let registry: RegistryServer;
  const registries = registriesWith();
  const digests: Record<string, string> = {};
  let env: Record<string, string>;
  let merge: string;

  beforeAll(async () => {
    folder = await temporaryFolder("trace");
    registry = await startRegistryServer({ dir: join(folder.path, "registry") });
    env = { ...gitEnvironment, HOME: folder.path, WAYBILL_CONFIG: "/dev/null" };
    const at = (path: string) => registries.repository(parseRepository(`${registry.address}/${path}`));
    const put = async (version: string, ...paths: string[]) => {
      const image = await buildImage("hello", version);
      for (const path of paths) await pushImage(image, at(path), [parseTag(version)]);
      digests[version] = image.root.descriptor.digest;
      return image.root.descriptor;
    };
    const built = await put("v1", "staging/hello", "us/hello", "eu/hello");
    await put("v2", "staging/hello", "us/hello");
    await put("v3", "staging/hello");
    await put("v4", "staging/hello");
    const statement = slsaStatement({
      subjects: [{ name: "hello", digest: built.digest }],
      source: { repository: "https://github.com/cncf/apisnoop", commit: source, isDirty: false },
      ...{ config: "cloudbuild.yaml", substitutions: {}, engine: "buildah", images: [], version: "0.0.0" },
      run: { job: "push-snoopdb", id: "1" },
      ...{ startedAt: new Date("2026-11-29T10:00:00Z"), finishedAt: new Date("2026-11-29T10:01:00Z") },
    });
    await attachStatement(at("staging/hello"), built, statement);

    const repository = await createRepository(join(folder.path, "manifests"));
    const tree = (more: readonly string[], extra: readonly string[] = []) =>
      writeTree(join(repository.path, "tree"), [
        {
          ...{ name: "app", source: `${registry.address}/staging` },
          destinations: ["us", "eu", ...extra].map((region) =>
            region.includes(".") ? region : `${registry.address}/${region}`,
          ),
          images: { hello: Object.fromEntries(more.map((tag) => [digests[tag] ?? "", [tag]])) },
        },
      ]);
    await writeFile(join(repository.path, "README"), "manifests\n");
    await repository.commit("begin");
    await repository.git("checkout", "--quiet", "-b", "promote");
    await tree(["v1", "v2", "v3"]);
    await repository.commit("promote hello");
    await repository.git("checkout", "--quiet", "main");
    await repository.git(
      "merge",
      "--quiet",
      "--no-ff",
      "-m",
      "Merge pull request #7 from robot/promote",
      "promote",
    );
    merge = await repository.git("rev-parse", "promote");
  });
  afterAll(async () => {
    await registries.close();
    await registry?.close();
    await folder?.remove();
  });

  const trace = (reference: string, ...more: string[]) =>
    runWith(env, "trace", reference, join(folder.path, "manifests", "tree"), ...more);

  testWith("git")("says where it is, who asked for it and what built it", async () => {
    const { status, stdout, stderr } = await trace(`${registry.address}/eu/hello:v1`);
    expect([status, stderr]).toEqual([0, ""]);
    const text = stdout.replaceAll(registry.address, "REGISTRY").replace(/ +/g, " ");
    expect(text).toContain(`REGISTRY/staging/hello@${digests.v1}`);
    expect(text).toMatch(/done commit f7a3cc6a5d0f/);
    expect(text).toMatch(/done build push-snoopdb\/1, as its provenance says/);
    expect(text).toMatch(/done staging v1/);
    expect(text).toMatch(
      /done pull request Merge pull request #7 from robot\/promote; Somebody wrote the line \d{4}-/,
    );
    expect(text).toMatch(/done mirrors 2 of 2/);
    expect(text).toMatch(/there REGISTRY\/eu\/hello v1/);
    expect(text).toMatch(new RegExp(`images.yaml:3:\\d+ v1 at ${merge.slice(0, 12)}`));
  });

  testWith("git")(
    "is found by the first digits of a digest, by its tag, and by the end of its name",
    async () => {
      const life = JSON.parse((await trace("hello:v1", "--json")).stdout);
      expect(life).toMatchObject({ format: "waybill-trace/1", digest: digests.v1, unread: [] });
      for (const reference of [digests.v1 ?? "", (digests.v1 ?? "").slice(7, 20), "v1", "staging/hello:v1"]) {
        const { status, stdout } = await trace(reference, "--json");
        expect([status, JSON.parse(stdout).digest]).toEqual([0, digests.v1]);
      }
    },
  );

  testWith("git")("ends with 2 where it is missing, which is not where it cannot be read", async () => {
    const { status, stdout } = await trace("hello:v2");
    expect(status).toBe(2);
    expect(stdout).toMatch(/missing +\S+\/eu\/hello/);
    expect(stdout).toMatch(/mirrors +1 of 2/);
    const nowhere = await trace("hello:v3", "--json");
    expect([
      nowhere.status,
      JSON.parse(nowhere.stdout).stations.map((each: { state: string }) => each.state),
    ]).toEqual([2, ["unknown", "unknown", "done", "done", "waiting", "failed"]]);
    // What no line asks for is in staging alone.
    const unasked = await trace(`${registry.address}/staging/hello:v4`);
    expect(unasked.status).toBe(2);
    expect(unasked.stdout).toContain("no line of the manifests asks for it");
  });

  it("ends with 1 for what is not known, or may be several images", async () => {
    const unknown = await trace("nothing:v9");
    expect([unknown.status, unknown.stderr]).toEqual([1, expect.stringContaining("nothing is known of")]);
    const several = await trace("staging/hello");
    expect([several.status, several.stderr]).toEqual([1, expect.stringContaining("may be any of")]);
  });

  testWith("git")("ends with 1 where a mirror cannot be read, and says why", async () => {
    const away = await temporaryFolder("trace-away");
    const other = await startRegistryServer({ dir: join(away.path, "registry") });
    await other.close();
    await writeTree(join(away.path, "tree"), [
      {
        ...{ name: "app", source: `${registry.address}/staging` },
        destinations: [`${registry.address}/us`, `${other.address}/us`],
        images: { hello: { [digests.v1 ?? ""]: ["v1"] } },
      },
    ]);
    const config = join(away.path, "waybill.yaml");
    await writeFile(config, `hosts:\n  "${other.address}": { retries: 0 }\n`);
    const found = await runWith(
      { ...env, WAYBILL_CONFIG: config },
      "trace",
      "hello:v1",
      join(away.path, "tree"),
    );
    await away.remove();
    expect(found.status).toBe(1);
    expect(found.stdout).toMatch(/unread +\S+\/us\/hello/);
    expect(found.stdout).toMatch(/mirrors +1 of 2, 1 unread/);
    expect(found.stderr).toContain(`${other.address}/us/hello could not be read`);
  });
});

describe("trace at a server", () => {
  const databases = usePglite();

  it("prints what its page shows, by whatever names the image", async () => {
    const served = await serverWorld(await databases.open(serverMigrations));
    await tellWholeStory(toldWorld(served.db, served.runs));
    const token = await served.token("reader");
    const trace = (reference: string, ...more: string[]) =>
      runWith({ WAYBILL_TOKEN: token }, "trace", reference, "--server", served.origin, ...more);
    const { status, stdout, stderr } = await trace(`${mirrors[0]}:v1.0.0`);
    expect([status, stderr]).toEqual([0, ""]);
    const text = stdout.replace(/ +/g, " ");
    expect(text).toContain(`${staging}@${one}`);
    expect(text).toContain("done build push-snoopdb 1 2026-11-29 10:01Z");
    expect(text).toContain(`promoted ${mirrors[1]} v1.0.0 2026-11-29 10:06Z run 6`);
    expect(text).toContain(`${pull} by robot: Promote \\u{202e}snoopdb`);
    expect(text).toContain("cecile approved 0123456789ab 2026-11-29 12:00Z");
    expect(text).toContain("mallory approved , which does not count: not-an-approver");
    const life = JSON.parse((await trace(one, "--json")).stdout);
    const page = await (await served.ask(`/images/life?digest=${one}`, { as: "reader" })).json();
    expect(life).toEqual(page);
    for (const reference of [one.slice(7, 20), "#7", source, merged, "v1.0.0"]) {
      const found = await trace(reference, "--json");
      expect([reference, found.status]).toEqual([reference, reference === merged ? 1 : 0]);
    }
    expect(await trace("nothing:v1")).toMatchObject({ status: 1 });
  });
});
