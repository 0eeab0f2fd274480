import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loopbackHosts, registriesConfig } from "../../../src/builds/engines/loopback.ts";
import { temporaryFolder } from "../../support/tree.ts";

let place: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  place = await temporaryFolder("registries");
});
afterAll(() => place.remove());

async function configOver(own: string, ...hosts: readonly string[]): Promise<string> {
  const file = join(place.path, "registries.conf");
  await writeFile(file, own);
  return registriesConfig(hosts, { CONTAINERS_REGISTRIES_CONF: file });
}

describe("registries of a build", () => {
  test("are those of this machine that a text names", () => {
    expect(
      loopbackHosts([
        "FROM localhost:5000/a",
        "127.0.0.1:80/b [::1]:81/c localhost:5000/d",
        "x.localhost:1/e",
      ]),
    ).toEqual(["localhost:5000", "127.0.0.1:80", "[::1]:81"]);
  });

  test("are added to what the user says", async () => {
    const own = '[[registry]]\nprefix = "gcr.io"\nlocation = "mirror.example.com"\n';
    const config = await configOver(own, "localhost:5000");
    expect(config).toContain(own);
    expect(config).toContain('[[registry]]\nlocation = "localhost:5000"\ninsecure = true\n');
  });

  test.each([
    "",
    'unqualified-search-registries = ["registry.example.com"]\nshort-name-mode = "enforcing"\n',
    '# mine\nunqualified-search-registries=[\n  "a.example.com",\n  "docker.io",\n] # both\n',
  ])("give names without a host to Docker Hub alone", async (own) => {
    const config = await configOver(`${own}[[registry]]\nlocation = "b.example.com"\n`);
    expect(config.match(/unqualified-search-registries.*/g)).toEqual([
      'unqualified-search-registries = ["docker.io"]',
    ]);
    expect(config).not.toContain("a.example.com");
    expect(config.indexOf("unqualified")).toBeLessThan(config.indexOf("[[registry]]"));
  });
});
