import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect } from "vitest";
import { executable } from "../support/built.ts";
import { run } from "../support/child.ts";
import { testWith } from "../support/programs.ts";

const script = resolve(import.meta.dirname, "../../examples/apisnoop/promote.sh");
let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "waybill-apisnoop-"));
});
afterAll(async () => {
  await rm(home, { recursive: true, force: true });
});

testWith(
  "buildah",
  "docker-registry",
  "skopeo",
  "git",
  "curl",
)("the example takes two images from a commit to production, and knows where they come from", async () => {
  const waybill = `${process.execPath} ${executable("waybill")}`;
  const { PATH, TMPDIR } = process.env;
  const ended = await run("bash", [script], { PATH, TMPDIR, HOME: home, WAYBILL: waybill });
  expect(ended.code, `${ended.stdout}\n${ended.stderr}`).toBe(0);
  expect(ended.stdout.match(/ is in images\.yaml$/gm)).toHaveLength(4);
  expect(ended.stdout).toMatch(/^all as listed \(4 repositories, 4 images, 4 tags, \d+ blobs\)$/m);
  expect(ended.stdout).toMatch(/^subject +sha256:[0-9a-f]{64} \(the same\)$/m);
  expect(ended.stdout.match(/^SUCCESS /gm)).toHaveLength(4);
});
