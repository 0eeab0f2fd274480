import { appendFile, mkdir, readdir, readFile, rename, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { hexOf, mediaTypes, parseRepository, parseTag } from "../../src/oci/index.ts";
import { openLayout } from "../../src/registry/index.ts";
import { image, indexOf, store } from "../registry/layout-images.ts";
import { outputOf } from "../support/child.ts";
import { testWith } from "../support/programs.ts";
import { ask, errorCode, startForTest, temporaryFolder } from "./client.ts";

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});

const layout = (name: string) =>
  openLayout(join(folder, name), parseRepository(`registry.example.com/${name}`));
const serve = async () => (await startForTest({ dir: `oci:${folder}` })).url;
const json = async (url: string, path: string): Promise<unknown> =>
  JSON.parse((await ask(url, "GET", path)).body.toString("utf8"));

describe("a folder of image layouts, served as it is", () => {
  test("shows every layout by its path, with its tags, manifests, blobs and referrers", async () => {
    const one = image();
    const root = indexOf(one.manifest);
    await store(layout("team/app"), one);
    await layout("team/app").put(root, ["v1", "latest"].map(parseTag));
    await store(layout("team/app/sub"), image(), "v2");
    const note = image({ artifactType: "application/vnd.example.note", subject: root.descriptor });
    await store(layout("team/app"), note);
    const url = await serve();

    expect(await json(url, "/v2/_catalog")).toEqual({ repositories: ["team/app", "team/app/sub"] });
    expect(await json(url, "/v2/team/app/tags/list")).toEqual({ name: "team/app", tags: ["latest", "v1"] });
    for (const target of ["v1", root.descriptor.digest]) {
      const answer = await ask(url, "GET", `/v2/team/app/manifests/${target}`);
      expect([answer.status, answer.headers["docker-content-digest"]]).toEqual([200, root.descriptor.digest]);
      expect(answer.headers["content-type"]).toBe(mediaTypes.ociIndex);
      expect(answer.body.equals(root.bytes)).toBe(true);
    }
    const [, layer] = one.blobs;
    const path = `/v2/team/app/blobs/${layer?.descriptor.digest}`;
    expect((await ask(url, "HEAD", path)).headers["content-length"]).toBe("100");
    expect((await ask(url, "GET", path)).body.equals(layer?.bytes ?? Buffer.of())).toBe(true);
    const part = await ask(url, "GET", path, { headers: { Range: "bytes=10-19" } });
    expect([part.status, part.body.equals(layer?.bytes.subarray(10, 20) ?? Buffer.of())]).toEqual([
      206,
      true,
    ]);
    expect(await json(url, `/v2/team/app/referrers/${root.descriptor.digest}`)).toMatchObject({
      manifests: [{ digest: note.manifest.descriptor.digest, artifactType: "application/vnd.example.note" }],
    });
    for (const absent of [
      "/v2/team/app/manifests/v9",
      "/v2/team/tags/list",
      "/v2/team/app/blobs/manifests/v1",
    ])
      expect((await ask(url, "GET", absent)).status).toBe(404);
  });

  test("shows what is added while it is served, and a layout itself by its own name", async () => {
    await store(layout("app"), image(), "v1");
    const { url } = await startForTest({ dir: `oci:${join(folder, "app")}` });
    expect(await json(url, "/v2/_catalog")).toEqual({ repositories: ["app"] });
    const next = image();
    await store(layout("app"), next, "v2");
    expect(await json(url, "/v2/app/tags/list")).toEqual({ name: "app", tags: ["v1", "v2"] });
    const { headers } = await ask(url, "HEAD", "/v2/app/manifests/v2");
    expect(headers["docker-content-digest"]).toBe(next.manifest.descriptor.digest);
  });

  test("takes nothing in and changes nothing", async () => {
    const one = image();
    await store(layout("app"), one, "v1");
    const before = await readdir(folder, { recursive: true });
    const url = await serve();
    const { digest } = one.manifest.descriptor;
    for (const [method, path] of [
      ["POST", "/v2/app/blobs/uploads/"],
      ["PUT", "/v2/app/manifests/v2"],
      ["DELETE", `/v2/app/manifests/${digest}`],
      ["DELETE", `/v2/app/blobs/${one.blobs[0]?.descriptor.digest}`],
    ] as const) {
      const answer = await ask(url, method, path);
      expect([answer.status, errorCode(answer)]).toEqual([405, "UNSUPPORTED"]);
    }
    expect(await readdir(folder, { recursive: true })).toEqual(before);
  });

  test("shows nothing that lies elsewhere, and no manifest that was damaged", async () => {
    const outside = join(await temporaryFolder(), "outside");
    const secret = image();
    await store(openLayout(outside, parseRepository("registry.example.com/outside")), secret, "v1");
    const one = image();
    await store(layout("app"), one, "v1");
    await symlink(outside, join(folder, "linked"));
    const [config, layer] = one.blobs.map(({ descriptor }) => descriptor);
    const fileOf = (digest: string) => join(folder, "app", "blobs", "sha256", digest.slice("sha256:".length));
    await rename(fileOf(layer?.digest ?? ""), join(outside, "layer"));
    await symlink(join(outside, "layer"), fileOf(layer?.digest ?? ""));
    await appendFile(join(folder, "app", "blobs", "sha256", hexOf(one.manifest.descriptor.digest)), "x");
    const url = await serve();
    expect(await json(url, "/v2/_catalog")).toEqual({ repositories: ["app"] });
    for (const path of ["/v2/linked/manifests/v1", `/v2/app/blobs/${layer?.digest}`, "/v2/app/manifests/v1"])
      expect((await ask(url, "GET", path)).status).toBe(500);
    expect((await ask(url, "GET", `/v2/app/blobs/${config?.digest}`)).status).toBe(200);
  });

  test("has to hold one", async () => {
    await mkdir(join(folder, "app"));
    await writeFile(join(folder, "app", "index.json"), "{}");
    await expect(startForTest({ dir: `oci:${folder}` })).rejects.toMatchObject({
      code: "storage-unusable",
      message: "there is no image layout that could be a repository",
      where: folder,
    });
  });

  testWith("skopeo")("is a registry to other clients, whoever wrote the layouts", async () => {
    const skopeo = (...args: readonly string[]) => outputOf("skopeo", ["--insecure-policy", ...args]);
    const one = image();
    await store(layout("source"), one, "v1");
    await skopeo(
      "copy",
      "--preserve-digests",
      `oci:${join(folder, "source")}:v1`,
      `oci:${join(folder, "theirs")}:v1`,
    );
    const address = (await serve()).replace("http://", "docker://");
    const out = join(await temporaryFolder(), "out");
    const flags = ["--preserve-digests", "--src-tls-verify=false"];
    await skopeo("copy", ...flags, `${address}/theirs:v1`, `oci:${out}:v1`);
    const { manifests } = JSON.parse(await readFile(join(out, "index.json"), "utf8"));
    expect(manifests[0].digest).toBe(one.manifest.descriptor.digest);
  });
});
