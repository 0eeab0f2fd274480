import { afterEach, beforeEach, expect, test } from "vitest";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import { readManifestTree } from "../../src/manifest/index.ts";
import {
  type Digest,
  digestOf,
  type ImageDocument,
  mediaTypes,
  parseRepository,
  parseTag,
  referrersTag,
} from "../../src/oci/index.ts";
import { plannedImages, promote, verifyProduction } from "../../src/promotion/index.ts";
import { startRegistryServer } from "../../src/registry-server/index.ts";
import { type Fault, type FaultyRegistry, startFaultyRegistry } from "../support/faulty-registry.ts";
import { clientOf } from "../support/registry-client.ts";
import { answer } from "../support/scripted-server.ts";
import { temporaryFolder, writeTree } from "../support/tree.ts";

const closing: (() => Promise<unknown>)[] = [];

let folder: string;
let production: FaultyRegistry;
/** Where nothing interferes. */
let behind: string;
let staging: string;
let client: ReturnType<typeof clientOf>;
let image: ImageDocument;
let sbom: ImageDocument;
let listTag: string;

beforeEach(async () => {
  const { path, remove } = await temporaryFolder("promoted-referrers");
  folder = path;
  const source = await startRegistryServer({ dir: `${path}/staging` });
  const destination = await startRegistryServer({
    dir: `${path}/production`,
    behavior: { referrers: false },
  });
  production = await startFaultyRegistry(destination.address);
  client = clientOf(production.host, { settings: { retries: 0 } });
  closing.push(
    remove,
    () => source.close(),
    () => destination.close(),
    production.close,
    client.close,
  );
  staging = `${source.address}/foo`;
  behind = destination.address;
  const built = await buildImage("app", "v1");
  image = built.root;
  sbom = sbomOf(image);
  listTag = referrersTag(image.descriptor.digest);
  for (const name of [`${staging}/app`, `${behind}/foo/app`]) {
    const repository = client.registries.repository(parseRepository(name));
    await pushImage(built, repository, [parseTag("v1")]);
    await repository.push(nothing, async () => Buffer.from("{}"));
  }
  await client.registries.repository(parseRepository(`${staging}/app`)).put(sbom);
});

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const nothing = { mediaType: mediaTypes.ociEmpty, digest: digestOf(Buffer.from("{}")), size: 2 };

function sbomOf({ descriptor: subject }: ImageDocument): ImageDocument {
  const { ociManifest: mediaType } = mediaTypes;
  const fields = { artifactType: "application/spdx+json", config: nothing, layers: [nothing], subject };
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...fields }));
  return { bytes, descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length } };
}

/** The options of a promotion of the image and its SBOM, the latter under these tags. */
async function asked(...tags: readonly string[]) {
  const images = { app: { [image.descriptor.digest]: ["v1"], [sbom.descriptor.digest]: [...tags] } };
  const destinations = [`${production.host}/foo`];
  await writeTree(`${folder}/tree`, [{ name: "foo", source: staging, destinations, images }]);
  return { tree: await readManifestTree(`${folder}/tree`), open: client.registries.repository };
}

const promoted = async (...tags: readonly string[]) => promote({ ...(await asked(...tags)), confirm: true });

/** What a plan says of the SBOM. */
async function planned(...tags: readonly string[]) {
  const { plan } = await promote({ ...(await asked(...tags)), confirm: false });
  const found = plannedImages(plan)[0]?.images.find(({ digest }) => digest === sbom.descriptor.digest);
  if (found === undefined) return plan.summary.present > 0 ? "as asked" : "not asked for";
  return found.edges.map(({ tag, verdict, reason }) => ({ tag, verdict, reason }));
}

const here = () => client.registries.repository(parseRepository(`${behind}/foo/app`));

async function listed(): Promise<readonly Digest[]> {
  return (await here().referrers(image.descriptor.digest)).map(({ digest }) => digest);
}

/** Puts the SBOM as a client does that knows of no lists. */
async function putUnlisted(under: string): Promise<void> {
  const response = await fetch(`http://${behind}/v2/foo/app/manifests/${under}`, {
    method: "PUT",
    headers: { "content-type": sbom.descriptor.mediaType },
    body: Buffer.from(sbom.bytes),
  });
  expect(response.status).toBe(201);
}

const onList =
  (method: string, act: () => void, reply?: number): Fault =>
  (request, url) => {
    if (request.method !== method || !url.pathname.endsWith(listTag)) return undefined;
    act();
    return reply === undefined ? undefined : (response) => answer(response, reply);
  };

test("a run that failed before the list was written leaves no tag, and the next one repairs it", async () => {
  production.interfere(onList("PUT", () => {}, 500));
  const { report } = await promoted("sbom");
  expect(report).toMatchObject({ asDesired: false, problems: [{ tag: "sbom", state: "failed" }] });
  expect(await here().resolve(sbom.descriptor.digest)).toBeDefined();
  expect(await here().resolve(parseTag("sbom"))).toBeUndefined();
  production.interfere();
  expect(await planned("sbom")).toEqual([{ tag: "sbom", verdict: "tag", reason: "referrer-unlisted" }]);
  const repaired = await promoted("sbom");
  expect(repaired.report).toMatchObject({
    asDesired: true,
    work: [{ tag: "sbom", state: "done", reason: "referrer-unlisted" }],
  });
  expect(await listed()).toEqual([sbom.descriptor.digest]);
  expect(await planned("sbom")).toBe("as asked");
});

test("a referrer without a tag is listed when it is there and its list lacks it", async () => {
  await putUnlisted(sbom.descriptor.digest);
  expect(await planned()).toEqual([{ tag: null, verdict: "tag", reason: "referrer-unlisted" }]);
  expect((await promoted()).report.asDesired).toBe(true);
  expect(await listed()).toEqual([sbom.descriptor.digest]);
  expect(await planned()).toBe("as asked");
  const before = production.seen.length;
  await promoted();
  expect(production.seen.slice(before).map(({ method }) => method)).not.toContain("PUT");
  production.interfere((_, url) =>
    url.pathname.endsWith(listTag) ? (response) => answer(response, 403) : undefined,
  );
  expect(await planned()).toEqual([{ tag: null, verdict: "unread", reason: "destination-unread" }]);
});

test("what is about no other image is asked for no list, and costs no request more", async () => {
  const built = await buildImage("plain", "v1");
  const { digest } = built.root.descriptor;
  const child = built.children[0]?.descriptor.digest ?? "";
  for (const name of [`${staging}/plain`, `${behind}/foo/plain`]) {
    await pushImage(built, client.registries.repository(parseRepository(name)), [parseTag("v1")]);
  }
  const images = { plain: { [digest]: ["v1"], [child]: [] } };
  const destinations = [`${production.host}/foo`];
  await writeTree(`${folder}/plain`, [{ name: "foo", source: staging, destinations, images }]);
  const tree = await readManifestTree(`${folder}/plain`);
  const options = { tree, open: client.registries.repository };
  const { plan } = await promote({ ...options, confirm: true });
  expect(plan.summary).toMatchObject({ present: 2, copy: 0, tag: 0 });
  expect(production.seen.map(({ url }) => url.split("/manifests/")[1])).toEqual(["v1", child]);
  await verifyProduction({ manifests: tree.manifests, open: options.open });
  expect(production.seen.filter(({ url }) => /referrers|sha256-/.test(url))).toEqual([]);
});

test("verifying finds a referrer that its list lacks", async () => {
  await putUnlisted(sbom.descriptor.digest);
  await putUnlisted("sbom");
  const { tree, open } = await asked("sbom");
  const verify = async () => (await verifyProduction({ manifests: tree.manifests, open })).findings;
  expect(await verify()).toMatchObject([
    { kind: "unlisted-referrer", digest: sbom.descriptor.digest, missing: sbom.descriptor.digest },
  ]);
  await here().put(sbom);
  expect(await verify()).toEqual([]);
});

/** Something else that is about the image, with the list that another writer makes of it alone. */
async function otherWriter(): Promise<{ readonly digest: Digest; readonly overwrite: () => Promise<void> }> {
  const { ociManifest, ociIndex } = mediaTypes;
  const fields = { artifactType: "text/spam", config: nothing, layers: [], subject: image.descriptor };
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: ociManifest, ...fields }));
  const descriptor = { mediaType: ociManifest, digest: digestOf(bytes), size: bytes.length };
  const list = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: ociIndex, manifests: [descriptor] }),
  );
  const put = (name: string, type: string, body: Buffer) =>
    fetch(`http://${behind}/v2/foo/app/manifests/${name}`, {
      method: "PUT",
      headers: { "content-type": type },
      body: Buffer.from(body),
    });
  await put(descriptor.digest, ociManifest, bytes);
  const overwrite = async () => void (await put(listTag, ociIndex, list));
  return { digest: descriptor.digest, overwrite };
}

/** Overwrites the list before some of its readings are answered, counted from 1: two belong to putting an entry. */
function overwriting(other: { overwrite: () => Promise<void> }, isDue: (reading: number) => boolean): Fault {
  let readings = 0;
  return (request, url) => {
    if (request.method !== "GET" || !url.pathname.endsWith(listTag)) return undefined;
    readings += 1;
    if (!isDue(readings)) return undefined;
    return (response) => {
      void other
        .overwrite()
        .then(() => fetch(`http://${behind}${url.pathname}`))
        .then(async (list) => {
          const type = list.headers.get("content-type") ?? "";
          answer(response, list.status, { "content-type": type }, Buffer.from(await list.arrayBuffer()));
        });
    };
  };
}

test("a list that was overwritten is mended at the end of the run, before the tag is put", async () => {
  const other = await otherWriter();
  production.interfere(overwriting(other, (reading) => reading === 3));
  const { report } = await promoted("sbom");
  expect(report.asDesired).toBe(true);
  const puts = production.seen.flatMap(({ method, url }) =>
    method === "PUT" ? [url.split("/manifests/")[1]] : [],
  );
  const { digest } = sbom.descriptor;
  expect(puts).toEqual([digest, listTag, listTag, digest, "sbom"]);
  expect([...(await listed())].sort()).toEqual([digest, other.digest].sort());
});

test("what somebody goes on overwriting is reported, gets no tag, and is seen by the next plan", async () => {
  const other = await otherWriter();
  production.interfere(overwriting(other, (reading) => reading > 2));
  const { report } = await promoted("sbom");
  expect(report).toMatchObject({
    asDesired: false,
    problems: [{ tag: "sbom", state: "failed", failure: { code: "referrer-unconfirmed" } }],
  });
  expect(await here().resolve(parseTag("sbom"))).toBeUndefined();
  await other.overwrite();
  production.interfere();
  expect(await planned("sbom")).toEqual([{ tag: "sbom", verdict: "tag", reason: "referrer-unlisted" }]);
  expect((await promoted("sbom")).report.asDesired).toBe(true);
  expect([...(await listed())].sort()).toEqual([sbom.descriptor.digest, other.digest].sort());
});
