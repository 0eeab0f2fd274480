import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import { parseRepository, parseTag } from "../../src/oci/index.ts";
import { type RegistryServer, startRegistryServer } from "../../src/registry-server/index.ts";
import { executable } from "../support/built.ts";
import { createRepository, gitEnvironment } from "../support/git.ts";
import { temporaryFolder, writeTree } from "../support/tree.ts";
import { registriesWith } from "../support/world.ts";
import { blocksOf, commandsOf, pages } from "./pages.ts";

/** Hosts that pages speak of; all of them are one registry here. */
const hosts = ["gcr.io", "eu.gcr.io", "us.gcr.io", "registry.example.com", "quay.io"];
const projects = ["etcd", "foo", "kops"];

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: RegistryServer;
beforeAll(async () => {
  folder = await temporaryFolder("blocks");
  server = await startRegistryServer({ dir: join(folder.path, "registry") });
  const locations = hosts.map((host) => ({ repository: host, at: `${server.address}/${host}` }));
  const destinations = {
    "registry.k8s.io": {
      source: "gcr.io/k8s-staging-{name}",
      folder: "k8s-staging-{name}",
      registries: ["us.gcr.io/k8s-artifacts-prod/{name}", "eu.gcr.io/k8s-artifacts-prod/{name}"],
    },
  };
  await writeFile(join(folder.path, "waybill.yaml"), JSON.stringify({ locations, destinations }));
  await mkdir(join(folder.path, "bin"));
  const program = `#!/bin/sh\nexec '${process.execPath}' '${executable("waybill")}' "$@"\n`;
  await writeFile(join(folder.path, "bin", "waybill"), program, { mode: 0o755 });
  await fillSite(join(folder.path, "site"));
});
afterAll(async () => {
  await server?.close();
  await folder?.remove();
});

/** A checkout with promoter manifests, of which everything is in production; its branch is one commit ahead. */
async function fillSite(site: string): Promise<void> {
  const registries = registriesWith();
  const stage = async (name: string, ...tags: readonly string[]): Promise<string> => {
    const image = await buildImage(name.replaceAll("/", "-"), tags.join("-"));
    const repository = registries.repository(parseRepository(`${server.address}/${name}`));
    await pushImage(image, repository, tags.map(parseTag));
    return image.root.descriptor.digest;
  };
  await stage("registry.example.com/team/app", "v1.2");
  await stage("registry.example.com/team/app", "v1.10");
  const digests = await Promise.all(
    projects.map(async (name) => ({
      [await stage(`gcr.io/k8s-staging-${name}/app`, "v1.30.0")]: ["v1.30.0"],
      [await stage(`gcr.io/k8s-staging-${name}/app`, "v1.31.0")]: ["v1.31.0"],
    })),
  );
  await registries.close();
  const repository = await createRepository(site);
  const write = (count: number) =>
    writeTree(
      join(site, "registry.k8s.io"),
      projects.map((name, at) => ({
        name,
        source: `gcr.io/k8s-staging-${name}`,
        destinations: [`eu.gcr.io/prod/${name}`, `us.gcr.io/prod/${name}`],
        images: { app: Object.fromEntries(Object.entries(digests[at] ?? {}).slice(0, count)) },
      })),
    );
  await symlink("registry.k8s.io", join(site, "tree"));
  await write(1);
  const base = await repository.commit("one");
  await repository.git("update-ref", "refs/remotes/origin/main", base);
  await write(2);
  await repository.commit("two");
  const promoted = await run(site, "waybill promote registry.k8s.io --confirm");
  expect(promoted).toEqual({ status: 0, printed: expect.any(String) });
}

/** Runs one line in a shell; what both of its streams said. */
async function run(cwd: string, line: string): Promise<{ status: number | null; printed: string }> {
  const env = {
    ...gitEnvironment,
    PATH: `${join(folder.path, "bin")}:${process.env.PATH}`,
    HOME: folder.path,
    WAYBILL_CONFIG: join(folder.path, "waybill.yaml"),
    WAYBILL_DATA: join(cwd, "data"),
    BEFORE: "HEAD~1",
    MERGE: "HEAD",
  };
  const child = spawn("bash", ["-c", `{ ${line}\n} 2>&1`], {
    cwd,
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let printed = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    printed += text;
  });
  const [status] = await once(child, "close");
  return { status, printed };
}

const shown = pages.flatMap((page) => {
  const lines = blocksOf(page)
    .filter(({ isRun }) => isRun)
    .flatMap(commandsOf);
  return lines.length === 0 ? [] : [{ page, lines: lines.map(({ line }) => line) }];
});

it.each(shown)("$page shows lines that go well", async ({ page, lines }) => {
  const site = join(folder.path, page.replaceAll("/", "-"));
  await cp(join(folder.path, "site"), site, { recursive: true, verbatimSymlinks: true });
  for (const line of lines) {
    const { status, printed } = await run(site, line);
    expect(status, `${line}\n${printed}`).toBe(0);
  }
});

it("runs the lines of most pages that need no more than registries", () => {
  expect(shown.flatMap(({ lines }) => lines).length).toBeGreaterThan(20);
});
