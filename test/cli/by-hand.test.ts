import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildImage, type DemoImage, pushImage } from "../../src/demo/image.ts";
import { parseRepository, parseTag } from "../../src/oci/index.ts";
import { openRegistries } from "../../src/registry/index.ts";
import { type RegistryServer, startRegistryServer } from "../../src/registry-server/index.ts";
import { defaultSettings } from "../../src/settings/index.ts";
import { answer, startScriptedServer } from "../support/scripted-server.ts";
import { temporaryFolder } from "../support/tree.ts";
import { runWith } from "./captured.ts";

describe("images by hand", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let server: RegistryServer;
  let one: DemoImage;
  let two: DemoImage;
  let at: string;

  beforeAll(async () => {
    folder = await temporaryFolder("by-hand");
    server = await startRegistryServer({ dir: join(folder.path, "registry") });
    at = server.address;
    [one, two] = [await buildImage("app", "v1"), await buildImage("app", "v2")];
    const registries = openRegistries({
      settings: defaultSettings,
      credentials: { lookup: async () => undefined },
      environment: {},
    });
    const push = (image: DemoImage, path: string, ...tags: string[]) =>
      pushImage(image, registries.repository(parseRepository(`${at}/${path}`)), tags.map(parseTag));
    await push(one, "team/app", "v1.2", "v1.10", "old");
    await push(two, "team/app", "v2.0");
    await push(one, "team/tool", "v1");
    await registries.close();
  });
  afterAll(async () => {
    await server.close();
    await folder.remove();
  });

  const waybill = (...line: string[]) => runWith({ HOME: folder.path }, ...line);
  const digestOf = ({ root }: DemoImage) => root.descriptor.digest;

  describe("ls", () => {
    test("lists tags by their numbers, some of them, and what they stand for", async () => {
      expect(await waybill("ls", `${at}/team/app`)).toMatchObject({
        status: 0,
        stdout: "old\nv1.2\nv1.10\nv2.0\n",
      });
      const some = await waybill("ls", `${at}/team/app`, "--tag", "v1.*", "--digests");
      expect(some.stdout).toBe(`v1.2   ${digestOf(one)}\nv1.10  ${digestOf(one)}\n`);
      expect(some.stderr).toContain("not listed: 2 other tags");
      const { stdout } = await waybill("ls", `${at}/team/app`, "--tag", "v2.0", "--digests", "--json");
      expect(JSON.parse(stdout)).toEqual({
        place: `${at}/team/app`,
        tags: [{ tag: "v2.0", digest: digestOf(two), mediaType: two.root.descriptor.mediaType }],
        ...{ unread: [], others: 3, misnamed: 0, repositories: [] },
      });
    });

    test("lists as many tags as there are", async () => {
      const tags = Array.from({ length: 200_000 }, (_, at) => `v${at}`);
      const many = await startScriptedServer((_, response) =>
        answer(response, 200, {}, JSON.stringify({ name: "app", tags })),
      );
      const { status, stdout, stderr } = await waybill("ls", `${many.host}/app`);
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      expect(stdout.split("\n")).toHaveLength(tags.length + 1);
      const unlike = await waybill("ls", `${many.host}/app`, "--tag", "v");
      expect(unlike.stderr).toContain("did you mean v0, v1 or v2?");
      await many.close();
    });

    test("says that names are left out which are no repositories", async () => {
      const odd = await startScriptedServer((_, response) =>
        answer(response, 200, {}, JSON.stringify({ repositories: ["app", "Team/App", "a//b"] })),
      );
      const listed = await waybill("ls", odd.host);
      expect(listed).toMatchObject({ status: 0, stdout: `${odd.host}/app\n` });
      expect(listed.stderr).toContain(`not all names in ${odd.host} are repositories: 2 left out`);
      expect(JSON.parse((await waybill("ls", odd.host, "--json")).stdout)).toMatchObject({ misnamed: 2 });
      await odd.close();
    });

    test("of what is not there leads to what is there", async () => {
      const ls = await waybill("ls", `${at}/team/ap`);
      expect(ls.stderr).toContain(`what there is beside it shows: waybill ls ${at}/team/\n`);
      const digest = await waybill("digest", `${at}/team/ap:v1`);
      expect(digest.stderr).toContain(`or at what there is beside it: waybill ls ${at}/team/\n`);
    });

    test("says that names are left out which are no tags, as copying and snapshots do", async () => {
      const manifest = { [digestOf(one)]: { tag: ["v1", "a b"] } };
      const listing = { name: "app", tags: ["v1", "a b", "-"], child: [], manifest };
      const odd = await startScriptedServer((_, response) =>
        answer(response, 200, {}, JSON.stringify(listing)),
      );
      const listed = await waybill("ls", `${odd.host}/app`);
      expect(listed).toMatchObject({ status: 0, stdout: "v1\n" });
      expect(listed.stderr).toContain(`not all names in ${odd.host}/app are tags: 2 left out`);
      expect(JSON.parse((await waybill("ls", `${odd.host}/app`, "--json")).stdout).misnamed).toBe(2);
      const seen = await waybill("registry", "snapshot", `${odd.host}/app`);
      expect(seen).toMatchObject({ status: 0, stdout: expect.stringContaining(digestOf(one)) });
      expect(seen.stderr).toContain("are tags: 2 left out");
      await odd.close();

      const layout = join(folder.path, "odd");
      expect((await waybill("copy", `${at}/team/tool:v1`, `oci:${layout}:v1`)).status).toBe(0);
      const file = join(layout, "index.json");
      const index = JSON.parse(await readFile(file, "utf8"));
      const [entry] = index.manifests;
      const annotations = { "org.opencontainers.image.ref.name": "docker.io/team/tool:v1" };
      await writeFile(file, JSON.stringify({ ...index, manifests: [entry, { ...entry, annotations }] }));
      const copied = await waybill("copy", `oci:${layout}`, `${at}/odd/tool`, "--all-tags");
      expect(copied.stderr).toContain(`not all names in oci:${layout} are tags: 1 left out`);
    });

    test("lists repositories, of a registry or below a path", async () => {
      expect((await waybill("ls", at)).stdout).toContain(`${at}/team/app\n${at}/team/tool\n`);
      expect((await waybill("ls", `${at}/team/`)).stdout).toContain(`${at}/team/app\n${at}/team/tool\n`);
      const { stdout } = await waybill("ls", at, "-o", "json");
      expect(JSON.parse(stdout).repositories).toContain(`${at}/team/tool`);
    });

    test("says when a registry does not list its repositories", async () => {
      const mute = await startScriptedServer((_, response) => answer(response, 404));
      const { status, stderr } = await waybill("ls", mute.host);
      expect(status).toBe(1);
      expect(stderr).toContain("does not say which repositories it has");
      expect(stderr).toContain("hint: name a repository to waybill ls");
      await mute.close();
      const locked = await startScriptedServer((_, response) =>
        answer(response, 401, { "www-authenticate": 'Basic realm="x"' }),
      );
      expect((await waybill("ls", locked.host)).stderr).toContain(`waybill login ${locked.host}`);
      await locked.close();
    });

    test.each([
      [["team/app:v1.2"], "names an image"],
      [["", "--digests"], "only those have tags"],
      [["team/app", "--tag", "v1.3"], "did you mean v1.2"],
      [["team/app", "--tag", "semver:nothing"], "no range of versions"],
      [["team/no-such"], "there is no such repository"],
    ])("refuses %j", async ([path = "", ...options], said) => {
      const place = path === "" ? at : `${at}/${path}`;
      const { status, stdout, stderr } = await waybill("ls", place, ...options);
      expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
      expect(stderr).toContain(said);
    });
  });

  describe("digest", () => {
    test("is that of the tag, read or told, of the index or for a platform", async () => {
      const reference = `${at}/team/app:v2.0`;
      for (const more of [[], ["--read"]]) {
        expect(await waybill("digest", reference, ...more)).toMatchObject({
          status: 0,
          stdout: `${digestOf(two)}\n`,
        });
      }
      const arm = await waybill("digest", reference, "--platform", "linux/arm64");
      expect(arm.stdout).toBe(`${two.children[1]?.descriptor.digest}\n`);
      const { stdout } = await waybill("digest", `${at}/team/app@${digestOf(one)}`, "--json");
      expect(JSON.parse(stdout)).toMatchObject({ digest: digestOf(one), size: one.root.bytes.length });
    });

    test("of what is not there is an error", async () => {
      const { status, stderr } = await waybill("digest", `${at}/team/app:v3`);
      expect(status).toBe(1);
      expect(stderr).toContain(`waybill ls ${at}/team/app`);
      expect((await waybill("digest", `${at}/team/app`)).stderr).toContain("names no tag and no digest");
    });
  });

  describe("copy and tag", () => {
    test("bring an image under its own tag, and say so when it is there", async () => {
      const line = ["copy", `${at}/team/app:v1.2`, `${at}/copied/app`];
      expect(await waybill(...line, "--dry-run")).toMatchObject({
        status: 0,
        stdout: `would put ${at}/copied/app:v1.2 ${digestOf(one)}\n`,
      });
      expect((await waybill("ls", `${at}/copied/app`)).status).toBe(1);
      expect(await waybill(...line)).toMatchObject({
        status: 0,
        stdout: `put ${at}/copied/app:v1.2 ${digestOf(one)}\n`,
      });
      expect((await waybill(...line)).stdout).toBe(`already there: ${at}/copied/app:v1.2 ${digestOf(one)}\n`);
    });

    test("move no tag unless they are told to, and say from where", async () => {
      await waybill("copy", `${at}/team/app:v1.2`, `${at}/moved/app:stable`);
      const line = ["copy", `${at}/team/app:v2.0`, `${at}/moved/app:stable`];
      const refused = await waybill(...line);
      expect(refused).toMatchObject({
        status: 2,
        stdout: `refused ${at}/moved/app:stable: the tag stands for ${digestOf(one)}, not for ${digestOf(two)}\n`,
      });
      expect(refused.stderr).toContain(`this moves them: waybill ${line.join(" ")} --move\n`);
      const { stdout } = await waybill(...line, "--move", "--json");
      expect(JSON.parse(stdout)).toEqual({
        ...{ from: `${at}/team/app`, to: `${at}/moved/app`, dryRun: false, unread: [] },
        images: [{ digest: digestOf(two), tag: "stable", before: digestOf(one), result: "moved" }],
      });
      expect((await waybill("digest", `${at}/moved/app:stable`)).stdout).toBe(`${digestOf(two)}\n`);
      const tagged = await waybill("tag", `${at}/moved/app@${digestOf(two)}`, "v2.0", "latest", "v2.0");
      expect(tagged).toMatchObject({
        status: 0,
        stdout: `put ${at}/moved/app:v2.0 ${digestOf(two)}\nput ${at}/moved/app:latest ${digestOf(two)}\n`,
      });
    });

    test("take all tags of a repository, or some, into a folder and out of it again", async () => {
      const disk = `oci:${join(folder.path, "disk", "app")}`;
      const look = await waybill("copy", `${at}/team/app`, disk, "--all-tags", "--dry-run");
      expect(look).toMatchObject({ status: 0, stderr: expect.stringContaining("4 tags: 4 to put\n") });
      const all = await waybill("copy", `${at}/team/app`, disk, "--all-tags");
      expect(all).toMatchObject({ status: 0, stderr: expect.stringContaining("4 tags: 4 put") });
      expect((await waybill("ls", disk)).stdout).toBe("old\nv1.2\nv1.10\nv2.0\n");
      expect((await waybill("ls", `oci:${join(folder.path, "disk")}`)).stdout).toBe(`${disk}\n`);
      expect((await waybill("digest", `${disk}:v2.0`)).stdout).toBe(`${digestOf(two)}\n`);
      const back = await waybill("copy", disk, `${at}/back/app`, "--tag", "v1.*", "--tag", "regex:o.d");
      expect(back.status).toBe(0);
      expect((await waybill("ls", `${at}/back/app`)).stdout).toBe("old\nv1.2\nv1.10\n");
    });

    test("take the image for a platform alone, under its own digest", async () => {
      const child = one.children[0]?.descriptor.digest;
      const line = ["copy", `${at}/team/app:v1.2`, `${at}/single/app:amd64`, "--platform", "linux/amd64"];
      expect((await waybill(...line)).stdout).toBe(`put ${at}/single/app:amd64 ${child}\n`);
    });

    test.each([
      [["copy", "team/app", "x/y"], "names no tag and no digest"],
      [["copy", "team/app:v1.2", "x/y", "--all-tags"], "names one image"],
      [["copy", "team/app", "x/y:v1", "--tag", "v1.*"], "names one image"],
      [["copy", "team/app:no-such", "x/y:v1"], "there is no such image"],
      [["copy", "team/app", "x/y", "--tag", "w*"], "selects no tag"],
      [["copy", "team/app:v1.2", `x/y@sha256:${"0".repeat(64)}`], "the destination names"],
      [["tag", "team/app:no-such", "v1"], "there is no such image"],
      [["tag", "team/app:v1.2", "not a tag"], "not a tag"],
    ])("refuse %j, and write nothing", async ([verb = "", ...words], said) => {
      const line = words.map((word) => (/^(team|x)\//.test(word) ? `${at}/${word}` : word));
      const { status, stderr } = await waybill(verb, ...line);
      expect(stderr).toContain(said);
      expect(status).toBe(1);
      expect((await waybill("ls", `${at}/x/y`)).status).toBe(1);
    });

    test("are on record where that is asked for", async () => {
      const records = join(folder.path, "records");
      await waybill("copy", `${at}/team/app:v1.2`, `${at}/recorded/app:v1`, `--record=${records}`);
      const { stdout } = await waybill("runs", "list", "--data-dir", records);
      expect(stdout).toContain("copy");
    });
  });
});
