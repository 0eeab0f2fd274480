import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findSettings } from "../../src/settings/index.ts";

let home: string;
let inHome: string;
const back = process.cwd();

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "waybill-find-"));
  inHome = join(home, ".config", "waybill", "waybill.yaml");
});
afterEach(async () => {
  process.chdir(back);
  await rm(home, { recursive: true, force: true });
});

async function put(file: string) {
  await mkdir(join(file, ".."), { recursive: true });
  await writeFile(file, "hosts: {}\n");
}

test("--config comes before everything, whether or not it exists", async () => {
  await put(inHome);
  const environment = { HOME: home, WAYBILL_CONFIG: "/elsewhere.yaml" };
  expect(await findSettings({ explicit: "/asked.yaml", environment })).toBe("/asked.yaml");
});

test("WAYBILL_CONFIG comes before the user's own file", async () => {
  await put(inHome);
  expect(await findSettings({ environment: { HOME: home, WAYBILL_CONFIG: "/named.yaml" } })).toBe(
    "/named.yaml",
  );
  expect(await findSettings({ environment: { HOME: home, WAYBILL_CONFIG: "" } })).toBe(inHome);
});

test("the user's own file is found below XDG_CONFIG_HOME or ~/.config", async () => {
  await put(inHome);
  const config = join(home, "xdg");
  await put(join(config, "waybill", "waybill.yaml"));
  expect(await findSettings({ environment: { HOME: home } })).toBe(inHome);
  expect(await findSettings({ environment: { HOME: home, XDG_CONFIG_HOME: config } })).toBe(
    join(config, "waybill", "waybill.yaml"),
  );
  expect(await findSettings({ environment: { HOME: home, XDG_CONFIG_HOME: "relative" } })).toBe(inHome);
});

test("without any there are no settings", async () => {
  expect(await findSettings({ environment: { HOME: home } })).toBeUndefined();
  expect(
    await findSettings({ environment: { HOME: home, XDG_CONFIG_HOME: join(home, "none") } }),
  ).toBeUndefined();
});

test("a waybill.yaml in the working directory is never found", async () => {
  const checkout = join(home, "checkout");
  await put(join(checkout, "waybill.yaml"));
  await put(join(checkout, ".config", "waybill", "waybill.yaml"));
  process.chdir(checkout);
  expect(await findSettings({ environment: { HOME: home } })).toBeUndefined();
  expect(await findSettings({ environment: { HOME: home, XDG_CONFIG_HOME: ".config" } })).toBeUndefined();
});
