import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildImage, type DemoImage, pushImage } from "../../src/demo/image.ts";
import {
  type Digest,
  digestOf,
  mediaTypes,
  parseRepository,
  parseTag,
  type Tag,
} from "../../src/oci/index.ts";
import { parsePlace, type Repository } from "../../src/registry/index.ts";
import { startRegistryServer } from "../../src/registry-server/index.ts";
import { type TransferOutcome, transferImages } from "../../src/transfer/index.ts";
import { startDockerRegistry } from "../support/docker-registry.ts";
import { hasProgram, testWith } from "../support/programs.ts";
import { temporaryFolder } from "../support/tree.ts";
import { registriesWith } from "../support/world.ts";

const v1 = parseTag("v1");
const v2 = parseTag("v2");

/** The tag, what became of it, and the failure's code. */
const said = (outcomes: readonly TransferOutcome[]) =>
  outcomes.map(({ tag, result, failure }) => [tag, result, ...(failure === undefined ? [] : [failure.code])]);

describe("images moved by hand", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let close: () => Promise<void>;
  let one: DemoImage;
  let two: DemoImage;
  let places: Readonly<Record<"registry" | "other" | "folder", (path: string) => Repository>>;
  const registries = registriesWith();

  beforeAll(async () => {
    folder = await temporaryFolder("transfer");
    [one, two] = [await buildImage("app", "v1"), await buildImage("app", "v2")];
    const server = await startRegistryServer({ dir: join(folder.path, "registry") });
    const real = hasProgram("docker-registry") ? await startDockerRegistry() : undefined;
    const at = (host: string) => (path: string) => registries.repository(parseRepository(`${host}/${path}`));
    places = {
      registry: at(server.address),
      other: at(real?.host ?? server.address),
      folder: (path) => registries.at(parsePlace(`oci:${join(folder.path, path)}`)),
    };
    close = async () => {
      await registries.close();
      await Promise.all([server.close(), real?.stop()]);
      await folder.remove();
    };
  });
  afterAll(() => close());

  const digestIn = async (repository: Repository, tag: Tag): Promise<Digest | undefined> =>
    (await repository.resolve(tag))?.digest;

  async function staged(path: string): Promise<Repository> {
    const from = places.registry(path);
    await pushImage(one, from, [v1]);
    await pushImage(two, from, [v2]);
    return from;
  }

  const wanted = (image: DemoImage, tag: Tag | undefined) => ({ digest: image.root.descriptor.digest, tag });

  for (const kind of ["registry", "other", "folder"] as const) {
    const run = kind === "other" ? testWith("docker-registry") : test;
    run(`come whole into a ${kind}, and are there when they are asked for again`, async () => {
      const from = await staged(`${kind}/from`);
      const to = places[kind](`${kind}-to`);
      const transfer = { from, to, wanted: [wanted(one, v1), wanted(two, v2), wanted(two, undefined)] };
      expect(said(await transferImages({ ...transfer, dryRun: true }))).toEqual([
        ["v1", "put"],
        ["v2", "put"],
        [null, "put"],
      ]);
      expect(await to.list()).toBeUndefined();
      expect(said(await transferImages(transfer))).toEqual([
        ["v1", "put"],
        ["v2", "put"],
        [null, "put"],
      ]);
      expect(await digestIn(to, v1)).toBe(one.root.descriptor.digest);
      for (const child of two.children) expect(await to.fetch(child.descriptor.digest)).toBeDefined();
      for (const { descriptor } of two.blobs) expect(await to.has(descriptor)).toBe(true);
      expect(said(await transferImages(transfer))).toEqual([
        ["v1", "present"],
        ["v2", "present"],
        [null, "present"],
      ]);
    });
  }

  test("leave tags that stand elsewhere where they are, unless they may move, and say from where", async () => {
    const from = await staged("move/from");
    const to = places.registry("move/to");
    await pushImage(one, to, [v1]);
    const transfer = {
      from,
      to,
      wanted: [wanted(two, v1), wanted(two, v2)],
      names: { from: "here", to: "there" },
    };
    const before = one.root.descriptor.digest;
    const refused = await transferImages(transfer);
    expect(said(refused)).toEqual([
      ["v1", "refused", "tag-taken"],
      ["v2", "put"],
    ]);
    expect(refused[0]).toMatchObject({
      before,
      failure: { where: "there:v1", hint: expect.stringContaining("--move") },
    });
    expect(await digestIn(to, v1)).toBe(before);
    expect((await transferImages({ ...transfer, move: true, dryRun: true }))[0]).toMatchObject({
      result: "moved",
      before,
    });
    expect(await digestIn(to, v1)).toBe(before);
    expect((await transferImages({ ...transfer, move: true }))[0]).toMatchObject({ result: "moved", before });
    expect(await digestIn(to, v1)).toBe(two.root.descriptor.digest);
  });

  test.each([false, true])("do not take a tag that somebody sets after the look (move: %s)", async (move) => {
    const from = await staged(`race-${move}/from`);
    const to = places.registry(`race-${move}/to`);
    if (move) await pushImage(one, to, [v1]);
    const third = await buildImage("app", "third");
    let looks = 0;
    const raced = new Proxy(to, {
      get: (target, name) =>
        name === "resolve"
          ? async (...asked: Parameters<Repository["resolve"]>) => {
              const found = await target.resolve(...asked);
              if (asked[0] === v1 && ++looks === 1) await pushImage(third, target, [v1]);
              return found;
            }
          : Reflect.get(target, name),
    });
    const [outcome] = await transferImages({ from, to: raced, wanted: [wanted(two, v1)], move });
    expect(outcome).toMatchObject({ result: "failed", failure: { code: "tag-taken" } });
    expect(outcome?.failure?.message).toContain(`stands for ${third.root.descriptor.digest} now`);
    expect(await digestIn(to, v1)).toBe(third.root.descriptor.digest);
  });

  test("do not take a tag that somebody sets while several are put together and fail", async () => {
    const from = await staged("joint/from");
    const to = places.registry("joint/to");
    const third = await buildImage("app", "third");
    const v3 = parseTag("v3");
    const raced = new Proxy(to, {
      get: (target, name) =>
        name === "put"
          ? async (...asked: Parameters<Repository["put"]>) => {
              const [document, tags = []] = asked;
              if (tags.length < 2) return target.put(...asked);
              await target.put(document, [v3]);
              await pushImage(third, target, [v1]);
              throw new Error("lost on its way");
            }
          : Reflect.get(target, name),
    });
    const outcomes = await transferImages({
      from,
      to: raced,
      wanted: [v1, v2, v3].map((tag) => wanted(two, tag)),
    });
    expect(said(outcomes)).toEqual([
      ["v1", "failed", "tag-taken"],
      ["v2", "put"],
      ["v3", "put"],
    ]);
    expect(await digestIn(to, v1)).toBe(third.root.descriptor.digest);
  });

  test("have failed where a registry says that it has taken them, and has not", async () => {
    const from = await staged("lost/from");
    const third = await buildImage("app", "third");
    const losing = (to: Repository, instead: () => Promise<unknown>): Repository =>
      new Proxy(to, {
        get: (target, name) => {
          if (name !== "put") return Reflect.get(target, name);
          return async (...asked: Parameters<Repository["put"]>) => {
            const [{ descriptor }, tags = []] = asked;
            const isChild = tags.length === 0 && descriptor.digest !== two.root.descriptor.digest;
            await (isChild ? target.put(...asked) : instead());
          };
        },
      });
    const to = places.registry("lost/to");
    const gone = await transferImages({
      from,
      to: losing(to, async () => {}),
      wanted: [wanted(two, v1), wanted(two, undefined)],
    });
    expect(said(gone)).toEqual([
      ["v1", "failed", "unexpected-response"],
      [null, "failed", "unexpected-response"],
    ]);
    expect(gone[0]?.failure?.message).toBe("the registry said that it has taken it, and does not have it");
    const another = losing(to, () => pushImage(third, to, [v1]));
    const [moved] = await transferImages({ from, to: another, wanted: [wanted(two, v1)] });
    expect(moved).toMatchObject({ result: "failed", failure: { code: "tag-taken" } });
    expect(moved?.failure?.message).toBe(
      `it was put, and the tag stands for ${third.root.descriptor.digest}`,
    );
  });

  test("get more tags in their own repository without a byte being read", async () => {
    const at = await staged("tags/app");
    const latest = parseTag("latest");
    const noBlobs = new Proxy(at, {
      get: (target, name) => {
        if (name === "open" || name === "push") throw new Error("nobody needs that");
        return Reflect.get(target, name);
      },
    });
    const outcomes = await transferImages({
      from: noBlobs,
      to: noBlobs,
      wanted: [wanted(one, latest), wanted(one, v2)],
    });
    expect(said(outcomes)).toEqual([
      ["latest", "put"],
      ["v2", "refused", "tag-taken"],
    ]);
    expect(await digestIn(at, latest)).toBe(one.root.descriptor.digest);
  });

  test("fail by themselves, and say what is lacking", async () => {
    const from = places.folder("broken");
    await pushImage(one, from, [v1]);
    await pushImage(two, from, [v2]);
    const own = two.blobs.find(({ descriptor }) =>
      one.blobs.every((other) => other.descriptor.digest !== descriptor.digest),
    );
    const lost = own?.descriptor.digest ?? "";
    await rm(join(folder.path, "broken", "blobs", "sha256", lost.slice("sha256:".length)));
    const to = places.registry("broken/to");
    expect(said(await transferImages({ from, to, wanted: [wanted(one, v1), wanted(two, v2)] }))).toEqual([
      ["v1", "put"],
      ["v2", "failed", "blob-missing"],
    ]);
    expect(await digestIn(to, v2)).toBeUndefined();
    const nowhere = { digest: digestOf(Buffer.from("nothing")), tag: v2 };
    expect(said(await transferImages({ from, to, wanted: [nowhere] }))).toEqual([
      ["v2", "failed", "manifest-missing"],
    ]);
  });

  test("bring what hangs on them when that is asked for, also where they are already", async () => {
    const from = places.folder("hanging");
    await pushImage(one, from, [v1]);
    const statement = Buffer.from("a statement");
    const empty = Buffer.from("{}");
    const blob = (mediaType: string, bytes: Buffer) => ({
      mediaType,
      digest: digestOf(bytes),
      size: bytes.length,
    });
    for (const bytes of [statement, empty]) await from.push(blob("text/plain", bytes), async () => bytes);
    const bytes = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: mediaTypes.ociManifest,
        artifactType: "text/plain",
        config: blob("application/vnd.oci.empty.v1+json", empty),
        layers: [blob("text/plain", statement)],
        subject: one.root.descriptor,
      }),
    );
    await from.put({ descriptor: blob(mediaTypes.ociManifest, bytes), bytes });
    const to = places.registry("hanging/to");
    await transferImages({ from, to, wanted: [wanted(one, v1)] });
    expect(await to.referrers(one.root.descriptor.digest)).toEqual([]);
    expect(said(await transferImages({ from, to, wanted: [wanted(one, v1)], referrers: true }))).toEqual([
      ["v1", "present"],
    ]);
    expect(await to.referrers(one.root.descriptor.digest)).toMatchObject([{ digest: digestOf(bytes) }]);
  });

  test("are not begun when the run has been stopped", async () => {
    const from = await staged("stopped/from");
    const to = places.registry("stopped/to");
    const signal = AbortSignal.abort();
    expect(said(await transferImages({ from, to, wanted: [wanted(one, v1)], signal }))).toEqual([
      ["v1", "pending"],
    ]);
    expect(await to.list()).toBeUndefined();
  });
});
