import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { logForPeople } from "../../src/cli/log-text.ts";
import { openRunFolder } from "../../src/store/index.ts";
import { temporaryFolder } from "../support/tree.ts";
import { run, runWith } from "./captured.ts";

let temporary: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => {
  temporary = await temporaryFolder("cli-runs");
});
afterEach(() => temporary.remove());

const digest = `sha256:${"a".repeat(64)}`;

/** A store with a build that took 65 seconds, and one that goes on. */
async function recorded() {
  const times = ["2021-04-21T21:08:53Z", "2021-04-21T21:09:58Z"].map((time) => new Date(time));
  const refs = { org: "cncf", repo: "apisnoop", base_ref: "main", base_sha: "9afb85e31c3d7d9f" };
  const store = openRunFolder(temporary.path);
  const build = await store.start({
    job: "push-snoopdb",
    type: "postsubmit",
    refs: { ...refs, pulls: [{ number: 5, sha: "beef", author: "hh" }] },
    now: () => times.shift() ?? new Date(),
  });
  build.log("building\n\u001b[31mred\u001b[0m \u001b]0;title\u0007\n");
  const image = {
    build: "build",
    name: "gcr.io/k8s-staging-apisnoop/snoopdb",
    repository: "localhost:5000/k8s-staging-apisnoop/snoopdb",
    digest,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    size: 499,
    tags: ["v20210421-0.2.0", "latest"],
    seenBy: ["registry"],
  };
  const images = {
    format: "waybill-images/1",
    run: { job: build.job, id: build.id },
    source: { isDirty: false, path: "apps/snoopdb" },
    tag: "v20210421-0.2.0",
    images: [image],
  };
  await build.write("images.json", JSON.stringify(images));
  await build.finish({ result: "SUCCESS", revision: "9afb85e31c3d7d9f" });
  const promotion = await store.start({
    job: "promote",
    type: "periodic",
    now: () => new Date("2021-04-22T00:00:00Z"),
  });
  return { build, promotion, image };
}

describe("runs", () => {
  it("lists what was run, newest first, from the folder of the environment", async () => {
    const { build, promotion } = await recorded();
    const { status, stdout } = await runWith({ WAYBILL_DATA: temporary.path }, "runs");
    expect(status).toBe(0);
    expect(stdout).toBe(
      [
        "STATE    JOB           ID                   STARTED               DURATION  REVISION",
        `PENDING  promote       ${promotion.id}  2021-04-22 00:00:00Z`,
        `SUCCESS  push-snoopdb  ${build.id}  2021-04-21 21:08:53Z  1m05s     9afb85e31c3d`,
        "",
      ].join("\n"),
    );
    const colored = await runWith({ FORCE_COLOR: "1" }, "runs", "promote", "--data-dir", temporary.path);
    expect(colored.stdout).toContain("\u001b[36mPENDING\u001b[39m");
    const listed = await run("runs", "push-snoopdb", "--data-dir", temporary.path, "--json");
    expect(JSON.parse(listed.stdout)).toMatchObject({
      format: "waybill-runs/1",
      folder: temporary.path,
      runs: [{ id: build.id, result: "SUCCESS", startedAt: "2021-04-21T21:08:53.000Z" }],
    });
  });

  it("says when there are none, and what there is instead", async () => {
    expect(await run("runs", "--data-dir", temporary.path)).toEqual({
      status: 0,
      stdout: "",
      stderr: `no run is recorded in ${temporary.path}\n`,
    });
    await recorded();
    const { status, stderr } = await run("runs", "push-snoopd", "--data-dir", temporary.path);
    expect({ status, stderr }).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("did you mean push-snoopdb?"),
    });
  });

  it("shows a run with its images, and where its log is", async () => {
    const { build, image } = await recorded();
    const where = ["--data-dir", temporary.path];
    expect((await run("runs", "show", "push-snoopdb", ...where)).stdout).toBe(
      [
        `SUCCESS push-snoopdb/${build.id}`,
        "  started   2021-04-21 21:08:53Z",
        "  ended     2021-04-21 21:09:58Z, after 1m05s",
        "  refs      cncf/apisnoop main at 9afb85e31c3d, #5 by hh beef",
        "  revision  9afb85e31c3d7d9f",
        `  log       ${join(build.where, "build-log.txt")}`,
        "",
        "IMAGE                                TAGS                    DIGEST",
        `gcr.io/k8s-staging-apisnoop/snoopdb  v20210421-0.2.0 latest  ${digest}`,
        "",
      ].join("\n"),
    );
    const { stdout } = await run("runs", "show", build.id, "--json", ...where);
    expect(JSON.parse(stdout)).toMatchObject({ format: "waybill-run/1", id: build.id, images: [image] });
    const log = "building\n\u001b[31mred\u001b[0m \\u{1b}]0;title\\u{7}\n";
    expect((await run("runs", "show", build.where, "--log")).stdout).toBe(log);
    expect((await run("runs", "show", build.where, "--log", "--json")).stdout).toBe(log);
    expect((await run("runs", "log", build.where, "--json")).stdout).toBe(log);
  });

  it("does without images that cannot be read", async () => {
    const { promotion } = await recorded();
    await mkdir(promotion.artifacts, { recursive: true });
    await writeFile(join(promotion.artifacts, "images.json"), '{"format":"other"}');
    const { status, stdout, stderr } = await run("runs", "show", "promote", "--data-dir", temporary.path);
    expect({ status, stderr }).toEqual({
      status: 0,
      stderr: expect.stringMatching(/^warning: .*images\.json: not what a run records: .*\n$/),
    });
    expect(stdout).toContain("PENDING promote/");
  });
});

describe("a log that is printed", () => {
  const printed = async (...pieces: (string | Buffer)[]) => {
    async function* bytes() {
      for (const piece of pieces) yield Buffer.from(piece);
    }
    let text = "";
    for await (const part of logForPeople(bytes())) text += part;
    return text;
  };

  it("keeps colors and characters that pieces cut in two, and nothing else that steers", async () => {
    expect(await printed("\u001b[3", "1mred\u001b", "[0m\n")).toBe("\u001b[31mred\u001b[0m\n");
    const euro = Buffer.from("€");
    expect(await printed(euro.subarray(0, 1), euro.subarray(1))).toBe("€");
    expect(await printed("a\r", "\nb\rc\td\u001b[2J")).toBe("a\nb\nc\td\\u{1b}[2J");
    expect(await printed("\u001b", "[".repeat(100))).toBe(`\\u{1b}${"[".repeat(100)}`);
    expect(await printed()).toBe("");
  });
});
