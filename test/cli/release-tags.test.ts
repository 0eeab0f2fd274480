import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../support/tree.ts";
import { run, runWith } from "./captured.ts";

describe("release-tags", () => {
  it("prints tags with their reasons, and where they belong when there are several pull requests", async () => {
    expect(await run("release-tags", "v1.19.0")).toEqual({
      status: 0,
      stdout: [
        "TAG           WHY",
        "v1.19.0       a stable version: the version that is cut",
        "v1.19.1-rc.0  built together with it: the release branch goes on as the next patch",
        "",
      ].join("\n"),
      stderr: "",
    });
    const { stdout } = await run("release-tags", "v1.33.0-rc.0", "--profile", "kubernetes");
    expect(stdout).toMatch(/^TAG +PULL REQUEST +WHY\nv1\.33\.0-rc\.0 +1 .*\nv1\.34\.0-alpha\.0 +2 .*\n$/);
    expect(JSON.parse((await run("release-tags", "v1.19.0", "--json")).stdout)).toMatchObject({
      format: "waybill-release-tags/1",
      sets: [[{ tag: "v1.19.0" }, { tag: "v1.19.1-rc.0" }]],
    });
  });

  it("refuses a version without its v, and suggests the one with it", async () => {
    expect(await run("release-tags", "1.29.0")).toMatchObject({
      status: 1,
      stdout: "",
      stderr: expect.stringContaining("hint: did you mean v1.29.0?\n"),
    });
  });

  it("knows the profiles of waybill.yaml", async () => {
    const folder = await temporaryFolder("release-tags");
    try {
      const config = join(folder.path, "waybill.yaml");
      await writeFile(config, 'releases:\n  mine: { stable: ["latest-{major}.{minor}"] }\n');
      const words = ["release-tags", "v1.29.3", "--profile", "mine", "--config", config];
      expect((await runWith({}, ...words)).stdout).toContain("latest-1.29  profile mine of the settings");
    } finally {
      await folder.remove();
    }
  });
});
