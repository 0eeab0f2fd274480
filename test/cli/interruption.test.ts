import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import { parseRepository, parseTag } from "../../src/oci/index.ts";
import { openCredentials, openRegistries } from "../../src/registry/index.ts";
import { type RegistryServer, startRegistryServer } from "../../src/registry-server/index.ts";
import { defaultSettings } from "../../src/settings/index.ts";
import { type BuiltProgram, buildProgram, start } from "../support/built.ts";
import { temporaryFolder, writeTree } from "../support/tree.ts";

/** More images than are promoted at the same time. */
const count = 40;

/** A server that passes everything on to a registry, and holds back manifests until it is told to let go. */
async function startGate(
  registry: string,
): Promise<{ server: Server; host: string; held: Promise<void>; letGo: () => void }> {
  let reached = (): void => {};
  let letGo = (): void => {};
  const held = new Promise<void>((resolve) => {
    reached = resolve;
  });
  const opened = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const server = createServer(async (incoming, outgoing) => {
    if (incoming.method === "PUT" && incoming.url?.includes("/manifests/")) {
      reached();
      await opened;
    }
    const { method, url, headers } = incoming;
    const onward = request(`http://${registry}${url}`, { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on("error", () => outgoing.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, host: `127.0.0.1:${(server.address() as AddressInfo).port}`, held, letGo };
}

describe("Ctrl-C during a promotion", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let program: BuiltProgram;
  let staging: RegistryServer;
  let production: RegistryServer;
  let gate: Awaited<ReturnType<typeof startGate>>;
  let tree: string;
  let env: NodeJS.ProcessEnv;

  beforeAll(async () => {
    folder = await temporaryFolder("interruption");
    env = { ...process.env, HOME: folder.path };
    program = await buildProgram();
    staging = await startRegistryServer({ dir: join(folder.path, "staging") });
    production = await startRegistryServer({ dir: join(folder.path, "production") });
    gate = await startGate(production.address);
    const credentials = openCredentials({ settings: defaultSettings, environment: env });
    const registries = openRegistries({ settings: defaultSettings, credentials });
    const repository = registries.repository(parseRepository(`${staging.address}/foo/app`));
    const digests: Record<string, string[]> = {};
    for (let version = 1; version <= count; version += 1) {
      const image = await buildImage("app", `v${version}`);
      await pushImage(image, repository, [parseTag(`v${version}`)]);
      digests[image.root.descriptor.digest] = [`v${version}`];
    }
    await registries.close();
    tree = join(folder.path, "tree");
    const project = { name: "foo", source: `${staging.address}/foo`, destinations: [`${gate.host}/prod`] };
    await writeTree(tree, [{ ...project, images: { app: digests } }]);
  });

  afterAll(async () => {
    gate.server.closeAllConnections();
    gate.server.close();
    await Promise.all([staging.close(), production.close(), program.remove()]);
    await folder.remove();
  });

  it("finishes what is under way, reports the rest, and leaves it to the next run", async () => {
    const line = ["promote", tree, "--confirm", "--json"];
    const promotion = start(program.executable("waybill"), line, env);
    await gate.held;
    const warned = new Promise<void>((resolve) => {
      promotion.child.stderr.on("data", (text: string) => text.includes("press Ctrl-C again") && resolve());
    });
    promotion.child.kill("SIGINT");
    await warned;
    gate.letGo();

    const { status, stdout } = await promotion.ended;
    expect(status).toBe(130);
    const { counts } = JSON.parse(stdout);
    expect(counts).toMatchObject({ failed: 0, present: 0 });
    expect(counts.done).toBeGreaterThan(0);
    expect(counts.pending).toBeGreaterThan(0);
    expect(counts.done + counts.pending).toBe(count);

    const next = await start(program.executable("waybill"), line, env).ended;
    expect(next.status).toBe(0);
    expect(JSON.parse(next.stdout)).toMatchObject({
      asDesired: true,
      counts: { done: counts.pending, present: counts.done },
    });
  });
});
