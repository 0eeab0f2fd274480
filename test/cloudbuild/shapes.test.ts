import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseCloudBuild, resolveCloudBuild } from "../../src/cloudbuild/index.ts";
import { inLines } from "../../src/diagnostics/index.ts";
import { usual } from "./reading.ts";

const folder = join(import.meta.dirname, "shapes");
const files = readdirSync(folder).filter((name) => name.endsWith(".yaml"));

describe("shapes that real files have", () => {
  test.each(files)("%s is read and resolved", async (name) => {
    const text = readFileSync(join(folder, name), "utf8");
    const { build: file, diagnostics } = parseCloudBuild(text, name);
    const resolution = file === undefined ? undefined : resolveCloudBuild(file, usual);
    const said = inLines([...diagnostics, ...(resolution?.diagnostics ?? [])]);
    expect(resolution?.build, said.join("\n")).toBeDefined();
    const golden = { said, build: resolution?.build, document: file?.document };
    const goldenFile = join(folder, name.replace(/\.yaml$/, ".golden.json"));
    await expect(`${JSON.stringify(golden, null, 2)}\n`).toMatchFileSnapshot(goldenFile);
  });

  test("say which they are, and are all different", () => {
    const titles = files.map((name) => /^# (.+)\n/.exec(readFileSync(join(folder, name), "utf8"))?.[1]);
    expect(titles).not.toContain(undefined);
    expect(new Set(titles).size).toBe(files.length);
    expect(files.length).toBeGreaterThanOrEqual(32);
  });

  test("have no golden file without a shape", () => {
    const golden = readdirSync(folder).filter((name) => name.endsWith(".golden.json"));
    expect(golden.map((name) => name.replace(".golden.json", ".yaml"))).toEqual(files);
  });
});
