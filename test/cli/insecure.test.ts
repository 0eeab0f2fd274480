import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { temporaryFolder, writeTree } from "../support/tree.ts";
import { runWith } from "./captured.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>> | undefined;

afterEach(() => folder?.remove());

describe("security point 13: a host whose certificates are not checked", () => {
  it.each(["plan", "promote", "verify"])("is named by %s, every time", async (verb) => {
    folder = await temporaryFolder("insecure");
    const settings = join(folder.path, "waybill.yaml");
    await writeFile(settings, "hosts:\n  registry.example.com:\n    tls:\n      insecure: true\n");
    await writeTree(folder.path, [
      { name: "apps", source: "registry.example.com/staging", destinations: [], images: {} },
    ]);
    const { stderr } = await runWith({ WAYBILL_CONFIG: settings }, verb, folder.path, "--quiet");
    expect(stderr).toContain("warning: registry.example.com: any certificate is accepted");
  });
});
