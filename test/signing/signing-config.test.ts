import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { chooseServices, readSigningConfig } from "../../src/signing/services/signing-config.ts";

const folder = mkdtempSync(join(tmpdir(), "waybill-signing-config-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const mediaType = "application/vnd.dev.sigstore.signingconfig.v0.2+json";
const now = new Date("2026-11-30T12:00:00Z");

interface Written {
  readonly url: string;
  readonly majorApiVersion?: number;
  readonly validFor?: { readonly start?: string; readonly end?: string };
  readonly operator?: string;
}

function read(content: object) {
  const file = join(folder, "signing_config.json");
  writeFileSync(file, JSON.stringify({ mediaType, ...content }));
  return readSigningConfig(file);
}

const at = (
  name: string,
  majorApiVersion: number,
  start: string,
  end?: string,
  operator = name,
): Written => ({
  ...{ url: `https://${name}.example.com`, majorApiVersion, operator },
  validFor: end === undefined ? { start } : { start, end },
});

async function chosen(rekorTlogUrls: readonly Written[], rekorTlogConfig: object, versions = [1, 2]) {
  const config = await read({ rekorTlogUrls, rekorTlogConfig });
  const choice = { versions, now, what: "a log", where: "signing_config.json" };
  return chooseServices(config.rekorTlogUrls, config.rekorTlogConfig, choice).map(({ url }) =>
    url.hostname.replace(".example.com", ""),
  );
}

const any = { selector: "ANY" };

describe("the services of a signing_config.json", () => {
  it("are of the highest version that is known, and the newest that is valid: not one of tomorrow", async () => {
    const logs = [
      at("first", 1, "2021-01-01T00:00:00Z"),
      at("ended", 2, "2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
      at("older", 2, "2025-01-01T00:00:00Z"),
      at("newer", 2, "2026-01-01T00:00:00Z"),
      at("tomorrow", 2, "2026-12-01T00:00:00Z"),
      at("unknown", 3, "2026-01-01T00:00:00Z"),
    ];
    expect(await chosen(logs, any)).toEqual(["newer"]);
    expect(await chosen(logs, any, [1])).toEqual(["first"]);
    expect(await chosen(logs, { selector: "ALL" })).toEqual(["newer", "older"]);
    expect(await chosen(logs, { selector: "EXACT", count: 2 })).toEqual(["newer", "older"]);
    // As protocol buffers may write it as well.
    expect(await chosen(logs, { selector: 1 })).toEqual(["newer", "older"]);
  });

  it("are one of each operator", async () => {
    const logs = [
      at("a1", 1, "2025-01-01T00:00:00Z", undefined, "a"),
      at("a2", 1, "2026-01-01T00:00:00Z", undefined, "a"),
      at("b", 1, "2024-01-01T00:00:00Z", undefined, "b"),
    ];
    expect(await chosen(logs, { selector: "ALL" })).toEqual(["a2", "b"]);
  });

  it("are none where none are named, and never fewer than are asked for", async () => {
    expect(await chosen([], {})).toEqual([]);
    const one = [at("a", 1, "2025-01-01T00:00:00Z")];
    await expect(chosen(one, { selector: "EXACT", count: 2 })).rejects.toMatchObject({
      code: "signer-invalid",
    });
    await expect(chosen(one, { selector: "EXACT" })).rejects.toMatchObject({ code: "signer-invalid" });
    await expect(chosen(one, {})).rejects.toMatchObject({ code: "signer-invalid" });
    await expect(chosen([at("later", 1, "2027-01-01T00:00:00Z")], any)).rejects.toMatchObject({
      code: "signer-unavailable",
    });
  });

  it.each([
    [
      "another version",
      { mediaType: "application/vnd.dev.sigstore.signingconfig.v0.1+json" },
      /at mediaType/,
    ],
    ["an address that is none", { tsaUrls: [{ url: "timestamp" }] }, /at tsaUrls\.0\.url/],
    [
      "a time that is none",
      { tsaUrls: [{ url: "https://a", validFor: { start: "soon" } }] },
      /at tsaUrls\.0\.validFor\.start/,
    ],
  ])("are not read with %s", async (_, content, where) => {
    await expect(read(content)).rejects.toThrow(where);
  });

  it("are not read from a file that is not there", async () => {
    await expect(readSigningConfig(join(folder, "none.json"))).rejects.toMatchObject({
      code: "signer-unavailable",
    });
  });
});
