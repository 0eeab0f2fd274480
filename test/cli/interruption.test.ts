import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import { parseRepository, parseTag } from "../../src/oci/index.ts";
import { openRegistries } from "../../src/registry/index.ts";
import { type RegistryServer, startRegistryServer } from "../../src/registry-server/index.ts";
import { executable, sourceUrl, start } from "../support/built.ts";
import { temporaryFolder, writeTree } from "../support/tree.ts";

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** More images than are promoted at the same time. */
const many = 40;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let staging: RegistryServer;
let production: RegistryServer;
let env: NodeJS.ProcessEnv;
let digests: readonly string[];
let count = 0;

beforeAll(async () => {
  folder = await temporaryFolder("interruption");
  env = { ...process.env, HOME: folder.path };
  staging = await startRegistryServer({ dir: join(folder.path, "staging") });
  production = await startRegistryServer({ dir: join(folder.path, "production") });
  const registries = openRegistries({ environment: env });
  const repository = registries.repository(parseRepository(`${staging.address}/foo/app`));
  const pushed: string[] = [];
  for (let version = 1; version <= many; version += 1) {
    const image = await buildImage("app", `v${version}`);
    await pushImage(image, repository, [parseTag(`v${version}`)]);
    pushed.push(image.root.descriptor.digest);
  }
  digests = pushed;
  await registries.close();
});

afterAll(async () => {
  await Promise.all([staging.close(), production.close()]);
  await folder.remove();
});

/** A place where a verb has a request under way that is not answered before somebody lets go. */
interface Standstill {
  readonly host: string;
  readonly tree: string;
  /** A folder for results. */
  readonly dir: string;
  /** Resolves when the request has come. */
  readonly held: Promise<void>;
  letGo(): void;
}

/** A promotion of some images to a registry of its own, which holds back the requests that are chosen. */
async function standstill(images: number, holds: (request: IncomingMessage) => boolean): Promise<Standstill> {
  let reached = (): void => {};
  let letGo = (): void => {};
  const held = new Promise<void>((resolve) => {
    reached = resolve;
  });
  const opened = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const server = createServer(async (incoming, outgoing) => {
    if (holds(incoming)) {
      reached();
      await opened;
    }
    const { method, url, headers } = incoming;
    const onward = request(`http://${production.address}${url}`, { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on("error", () => outgoing.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  count += 1;
  const dir = join(folder.path, `results-${count}`);
  const tree = join(dir, "tree");
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const listed = digests.slice(0, images).map((digest, index) => [digest, [`v${index + 1}`]]);
  const project = {
    name: "foo",
    source: `${staging.address}/foo`,
    destinations: [`${host}/prod-${count}`],
    images: { app: Object.fromEntries(listed) },
  };
  await writeTree(tree, [project]);
  return { host, tree, dir, held, letGo };
}

const isManifestPut = ({ method, url }: IncomingMessage): boolean =>
  method === "PUT" && url?.includes("/manifests/") === true;
const isAnything = (): boolean => true;

function waybill(...line: readonly string[]) {
  const started = start(executable("waybill"), line, env);
  onTestFinished(() => void started.child.kill("SIGKILL"));
  return started;
}

/** Resolves when the process has said it on standard error. */
function said({ child }: ReturnType<typeof start>, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let written = "";
    child.stderr.on("data", (more: string) => {
      written += more;
      if (written.includes(text)) resolve();
    });
    child.once("close", () => reject(new Error(`it ended, and had said ${written}`)));
  });
}

describe("a first signal", () => {
  it.each(signals)(
    "%s finishes what is under way, reports the rest, and leaves it to the next run",
    async (signal) => {
      const { tree, dir, held, letGo } = await standstill(many, isManifestPut);
      const report = join(dir, "report.json");
      const junit = join(dir, "junit.xml");
      const line = ["promote", tree, "--confirm", "--json", "--report", report, "--junit", junit];
      const promotion = waybill(...line);
      await held;
      const warned = said(promotion, `${signal}: waiting 30 s at most for `);
      promotion.child.kill(signal);
      await warned;
      letGo();

      const { status, stdout, stderr } = await promotion.ended;
      expect(status, stderr).toBe(130);
      const { counts, interrupted } = JSON.parse(stdout);
      expect(interrupted).toBe(true);
      expect(counts).toMatchObject({ failed: 0, present: 0 });
      expect(counts.done).toBeGreaterThan(0);
      expect(counts.pending).toBeGreaterThan(0);
      expect(counts.done + counts.pending).toBe(many);
      expect(JSON.parse(await readFile(report, "utf8"))).toEqual(JSON.parse(stdout));
      expect(await readFile(junit, "utf8")).toContain("</testsuites>");

      const next = await waybill(...line).ended;
      expect(next.status, next.stderr).toBe(0);
      expect(JSON.parse(next.stdout)).toMatchObject({
        asDesired: true,
        interrupted: false,
        counts: { done: counts.pending, present: counts.done },
      });
    },
  );

  it.each(signals)("%s is no failure when all was under way", async (signal) => {
    const { tree, held, letGo } = await standstill(2, isManifestPut);
    const promotion = waybill("promote", tree, "--confirm", "--json");
    await held;
    const warned = said(promotion, "at most for");
    promotion.child.kill(signal);
    await warned;
    letGo();
    const { status, stdout } = await promotion.ended;
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ asDesired: true, interrupted: false, counts: { done: 2 } });
  });

  it("is obeyed by a line of the incumbent, too", async () => {
    const { tree, held, letGo } = await standstill(2, isManifestPut);
    const line = ["--confirm", "--thin-manifest-dir", tree];
    const promotion = start(executable("cip"), line, env);
    await held;
    const warned = said(promotion, "SIGTERM: waiting");
    promotion.child.kill("SIGTERM");
    await warned;
    letGo();
    expect(await promotion.ended).toMatchObject({ status: 0, signal: null });
  });
});

describe("what takes longer than it may", () => {
  it("is given up with the same status when one image is all that there is to copy", async () => {
    const { host, held } = await standstill(1, isManifestPut);
    const to = `${host}/copied/app:v1`;
    const copying = waybill("copy", `${staging.address}/foo/app:v1`, to, "--grace", "0");
    await held;
    copying.child.kill("SIGTERM");
    const { status, stdout, stderr } = await copying.ended;
    expect(status, stderr).toBe(130);
    expect(stdout).toContain(`failed ${to}: given up: the run was stopped`);
  });

  it.each([
    ["a second signal", "30s", true],
    ["the end of the grace", "1ms", false],
    ["no grace at all", "0", false],
  ])("is given up at %s, and the report says so", async (_, grace, again) => {
    const { tree, dir, held } = await standstill(many, isManifestPut);
    const report = join(dir, "report.json");
    const line = ["promote", tree, "--confirm", "--report", report, "--grace", grace];
    const promotion = waybill(...line);
    await held;
    const warned = said(promotion, "SIGTERM: ");
    promotion.child.kill("SIGTERM");
    await warned;
    if (again) promotion.child.kill("SIGTERM");
    const { status, stdout, stderr } = await promotion.ended;
    expect(status, stderr).toBe(130);
    expect(stderr).toContain("giving up ");
    expect(stdout).toContain("stopped before all was done");
    const { interrupted, counts, problems } = JSON.parse(await readFile(report, "utf8"));
    expect(interrupted).toBe(true);
    expect(counts.done + counts.failed + counts.pending).toBe(many);
    expect(counts.failed).toBeGreaterThan(0);
    for (const { state, failure } of problems) {
      if (state === "failed") expect(failure).toMatchObject({ code: "interrupted" });
    }
    expect((await readdir(dir)).sort()).toEqual(["report.json", "tree"]);
  });
});

describe("verbs that only look", () => {
  /** Stops a line twice while nobody answers. */
  async function stopped(...line: readonly string[]) {
    const { tree, dir, held } = await standstill(3, isAnything);
    const words = line.map((word) => word.replace("TREE", tree).replace("DIR", dir));
    if (line[0] === "review") {
      const git = (...args: string[]) => execFileSync("git", ["-C", tree, ...args], { env, stdio: "pipe" });
      git("init", "-q");
      const who = ["-c", "user.name=x", "-c", "user.email=x@example.com"];
      git(...who, "commit", "-q", "--allow-empty", "-m", "nothing");
    }
    const running = waybill(...words);
    await held;
    const warned = said(running, "SIGTERM: waiting");
    running.child.kill("SIGTERM");
    await warned;
    running.child.kill("SIGHUP");
    return { dir, tree, ...(await running.ended) };
  }

  it("plan says what is unread, and saves it", async () => {
    const { dir, status, stdout, stderr } = await stopped("plan", "TREE", "--out", "DIR/plan.json");
    expect(status, stderr).toBe(130);
    expect(stdout).toContain("3 unread");
    const plan = JSON.parse(await readFile(join(dir, "plan.json"), "utf8"));
    expect(plan.summary).toMatchObject({ unread: 3, copy: 0 });
  });

  it("promote says it, and writes its report", async () => {
    const line = ["promote", "TREE", "--confirm", "--report", "DIR/report.json"];
    const { dir, status, stderr } = await stopped(...line);
    expect(status, stderr).toBe(130);
    const report = JSON.parse(await readFile(join(dir, "report.json"), "utf8"));
    expect(report).toMatchObject({ interrupted: true, counts: { unread: 3, done: 0 } });
  });

  it("verify says it", async () => {
    const { status, stdout, stderr } = await stopped("verify", "TREE", "--json");
    expect(status, stderr).toBe(130);
    const { findings } = JSON.parse(stdout);
    expect(findings[0]).toMatchObject({ kind: "unread", failure: { code: "interrupted" } });
  });

  it("wait blames nobody for what it has given up itself", async () => {
    const { status, stdout, stderr } = await stopped("wait", "TREE", "--json");
    expect(status, stderr).toBe(130);
    expect(JSON.parse(stdout)).toMatchObject({ state: "interrupted", edges: 3, present: 0 });
    expect(stderr).not.toMatch(/could not be read|failed \(|unreachable/);
  });

  it("wait ends at once between two looks", async () => {
    const { tree } = await standstill(1, () => false);
    const waiting = waybill("wait", tree, "--json", "--interval", "1h");
    await said(waiting, "0 of 1 edge there");
    waiting.child.kill("SIGTERM");
    const { status, stdout } = await waiting.ended;
    expect(status).toBe(130);
    expect(JSON.parse(stdout)).toMatchObject({ state: "interrupted", absent: [{ state: "missing" }] });
  });

  it("review says it, and writes its files", async () => {
    const files = ["--markdown", "DIR/review.md", "--sarif", "DIR/review.sarif"];
    const { dir, status, stdout, stderr } = await stopped(
      "review",
      "TREE",
      "--base",
      "HEAD",
      "--json",
      ...files,
    );
    expect(status, stderr).toBe(130);
    expect(JSON.parse(stdout)).toMatchObject({ interrupted: true, verdict: "fails" });
    expect((await readdir(dir)).sort()).toEqual(["review.md", "review.sarif", "tree"]);
  });
});

describe("merge", () => {
  it("changes nothing when it is stopped, and says so", async () => {
    const { tree, held, letGo } = await standstill(1, isAnything);
    const file = join(tree, "images", "foo", "images.yaml");
    const before = await readFile(file, "utf8");
    const line = ["merge", "--base-dir", tree, "--staging-repo", `${staging.address}/foo`, "--tag", "v2"];
    const merging = waybill(...line, "--json");
    await held;
    const warned = said(merging, "SIGTERM: waiting");
    merging.child.kill("SIGTERM");
    await warned;
    merging.child.kill("SIGTERM");
    const { status, stdout } = await merging.ended;
    expect(status).toBe(130);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: "interrupted" } });
    expect(await readFile(file, "utf8")).toBe(before);
    letGo();
    expect((await waybill(...line).ended).status).toBe(0);
  });
});

describe("what was stopped and has ended", () => {
  it("keeps its exit status when another signal comes before the process is gone", async () => {
    const script = `import { interruptible } from ${JSON.stringify(sourceUrl("cli/interruption.ts"))};
      setTimeout(() => {}, 1_000);
      const session = { grace: 30_000, terminal: { warn: () => {} } };
      process.exitCode = await interruptible(session, async ({ stop }) => {
        const stopped = new Promise((resolve) => stop.addEventListener("abort", resolve));
        process.kill(process.pid, "SIGTERM");
        await stopped;
        return 3;
      });
      process.kill(process.pid, "SIGTERM");`;
    const running = spawn(process.execPath, ["--input-type=module", "--eval", script], { stdio: "inherit" });
    expect(await once(running, "exit")).toEqual([3, null]);
  });
});
