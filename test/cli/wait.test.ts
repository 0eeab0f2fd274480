import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect } from "vitest";
import { buildImage, type DemoImage, pushImage } from "../../src/demo/image.ts";
import { parseRepository, parseTag } from "../../src/oci/index.ts";
import { openRegistries, type Registries } from "../../src/registry/index.ts";
import { type RegistryServer, startRegistryServer } from "../../src/registry-server/index.ts";
import { executable, start } from "../support/built.ts";
import { createRepository, gitEnvironment, type TestRepository } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import { answer, startScriptedServer } from "../support/scripted-server.ts";
import { type Project, temporaryFolder, writeTree } from "../support/tree.ts";
import { type Captured, runWith } from "./captured.ts";

const test = testWith("git");

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let production: RegistryServer;
let registries: Registries;
let one: DemoImage;
let two: DemoImage;
let worlds = 0;

/** What each test has anew: a repository with a tree below its top, which asks for one image. */
let repository: TestRepository;
let path: string;
let prefix: string;
let first: string;

beforeAll(async () => {
  folder = await temporaryFolder("wait");
  production = await startRegistryServer({ dir: join(folder.path, "production") });
  registries = openRegistries({ environment: { HOME: folder.path } });
  [one, two] = await Promise.all([buildImage("app", "1.0"), buildImage("app", "2.0")]);
});

afterAll(async () => {
  await registries.close();
  await production.close();
  await folder.remove();
});

beforeEach(async () => {
  worlds += 1;
  prefix = `${production.address}/w${worlds}`;
  repository = await createRepository(join(folder.path, `repository-${worlds}`));
  path = join(repository.path, "infra/tree");
  await write({ app: { [digestOf(one)]: ["1.0"] } });
  first = await repository.commit("first");
});

const digestOf = ({ root }: DemoImage): string => root.descriptor.digest;

const write = (images: Project["images"], destinations = [`${prefix}/eu`, `${prefix}/us`]): Promise<void> =>
  writeTree(path, [{ name: "foo", source: "staging.example.com/foo", destinations, images }]);

/** Brings an image into both production repositories, as anybody may. */
async function arrive(image: DemoImage, tag: string): Promise<void> {
  for (const place of ["eu", "us"]) {
    const target = registries.repository(parseRepository(`${prefix}/${place}/app`));
    await pushImage(image, target, [parseTag(tag)]);
  }
}

const environment = () => ({ ...gitEnvironment, HOME: folder.path });
const waybill = (...argv: string[]): Promise<Captured> => runWith(environment(), ...argv);

describe("wait", () => {
  test("waits for what a commit changed, from its objects, until it is there", async () => {
    await write({ app: { [digestOf(one)]: ["1.0"], [digestOf(two)]: ["2.0"] } });
    const second = await repository.commit("second");
    await write({ app: { [`sha256:${"0".repeat(64)}`]: ["3.0"] } });
    const { child, ended } = start(
      executable("waybill"),
      ["wait", path, "--commit", second, "--interval", "10ms"],
      environment(),
    );
    await new Promise<void>((resolve) => {
      child.stderr.on("data", (text: string) => {
        if (text.includes(`0 of 2 edges there, ${production.address} 0 of 2`)) resolve();
      });
    });
    await arrive(two, "2.0");
    const { status, stdout, stderr } = await ended;
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: "production holds everything: 2 of 2 edges there, at 1 host\n",
    });
    expect(stderr).toMatch(/^Waiting for production\n0 of 2 edges there/);
    expect(stderr).toContain("2 of 2 edges there\n");

    const all = await waybill("wait", path, "--commit", second, "--all", "--timeout", "0", "--json");
    expect(all.status).toBe(3);
    expect(JSON.parse(all.stdout)).toMatchObject({
      format: "waybill-waiting/1",
      state: "timeout",
      edges: 4,
      present: 2,
      absent: [{ tag: "1.0", state: "missing" }, { tag: "1.0" }],
    });
  });

  test("waits for everything on disk, or what changed since a revision", async () => {
    await arrive(one, "1.0");
    await write({ app: { [digestOf(one)]: ["1.0"], [digestOf(two)]: ["2.0"] } });
    const whole = await waybill("wait", path, "--timeout", "0");
    expect(whole.status).toBe(3);
    expect(whole.stdout).toMatch(
      /^missing \S+\/eu\/app:2\.0 and 1 more\n {4}\S+images\.yaml:\d+:\d+: not there yet\n/,
    );
    expect(whole.stdout).toMatch(/\n2 of 4 edges there, at 1 host: the time is over\n$/);
    const changed = await waybill("wait", path, "--changed", "--timeout", "0", "--json");
    expect(JSON.parse(changed.stdout)).toMatchObject({ edges: 2, present: 0, since: first });
    const nothing = await waybill("wait", path, "--commit", first, "--since", first, "--timeout", "0");
    expect(nothing).toMatchObject({ status: 0, stdout: "there is nothing to wait for\n" });
    expect((await waybill("wait", path, "--commit", first)).status).toBe(0);
  });

  test("ends with 2 when waiting does not help", async () => {
    await arrive(two, "1.0");
    const { status, stdout } = await waybill("wait", path, "--commit", "HEAD");
    expect(status).toBe(2);
    expect(stdout).toContain(
      `the tag stands at another digest in production; tags are never moved (it stands at ${digestOf(two)})\n`,
    );
    expect(stdout).toMatch(/\n0 of 2 edges there, at 1 host: waiting does not help\n$/);
  });

  test("ends with 2 for lines with errors that the commit brought, not for older ones", async () => {
    const broken = { "sha256:123": ["0.9"] };
    await write({ app: { ...broken, [digestOf(one)]: ["1.0"] } });
    const second = await repository.commit("broken");
    await write({ app: { ...broken, [digestOf(one)]: ["1.0"], [digestOf(two)]: ["2.0"] } });
    const third = await repository.commit("third");
    await arrive(one, "1.0");
    await arrive(two, "2.0");
    const brought = await waybill("wait", path, "--commit", second);
    expect(brought).toMatchObject({
      status: 2,
      stdout: "1 error in the manifests: nobody waits for these lines\nthere is nothing to wait for\n",
    });
    expect((await waybill("wait", path, "--commit", third)).status).toBe(0);
  });

  test("ends in time although a registry holds its requests", async () => {
    let isBusy = false;
    const server = await startScriptedServer((_, response) => {
      if (isBusy) answer(response, 429, { "retry-after": "250" });
      isBusy = true;
    });
    try {
      await write({ app: { [digestOf(one)]: ["1.0"] } }, [`${server.host}/a`, `${server.host}/b`]);
      const words = ["wait", path, "--interval", "10ms", "--timeout", "1s"];
      const { status, stdout } = await start(executable("waybill"), words, environment()).ended;
      expect(status).toBe(3);
      expect(stdout).toMatch(/\n0 of 2 edges there, at 1 host: the time is over\n$/);
    } finally {
      await server.close();
    }
  });

  test("refuses lines that mean nothing", async () => {
    for (const [words, why] of [
      [["--timeout", "soon"], '--timeout is no duration: "soon"'],
      [["--interval", "10"], '--interval is no duration: "10"'],
      [["--timeout", "1000h"], "--timeout is no duration"],
      [["--all"], "--all means something with --commit only"],
      [["--all", "--commit", "HEAD", "--changed"], "cannot be used with"],
      [["--commit", "HEAD", "--changed"], "--changed"],
      [["--commit", "nowhere"], 'Git knows no commit "nowhere"'],
    ] as const) {
      const refused = await waybill("wait", path, ...words);
      expect(refused).toMatchObject({ status: 1, stdout: "" });
      expect(refused.stderr).toContain(why);
    }
  });
});
