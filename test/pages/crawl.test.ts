import { expect, test } from "vitest";
import { type FullWorld, useFullWorld } from "./full-world.ts";
import { crawl, formsOf } from "./site-crawl.ts";

const full = useFullWorld();

/** All that can be read of the API without knowing an id. */
async function readable({ origin, cookie, run }: FullWorld): Promise<readonly string[]> {
  const answer = await fetch(`${origin}/api/v1/openapi.json`, { headers: { cookie } });
  const { paths } = JSON.parse(await answer.text()) as { readonly paths: Readonly<Record<string, object>> };
  const known = Object.entries(paths)
    .filter(([, methods]) => "get" in methods)
    .map(([path]) => path.replace("{id}", run).replace("{name}", "push-snoopdb"))
    .filter((path) => !path.includes("{") && !path.endsWith("/events"));
  return known;
}

test("no page and no answer of the API gives a secret away, and each link leads to what is there", {
  timeout: 300_000,
}, async () => {
  const world = full();
  const { origin, secrets, cookie } = world;
  const start = ["/", "/settings", "/find?q=nothing", ...(await readable(world))];
  const { visited, faults } = await crawl({ origin, headers: { cookie }, start, secrets });
  // The API says so where it has to be asked for something by its name.
  expect(faults.filter((fault) => !/^\/api\/.*: status 4\d\d$/.test(fault))).toEqual([]);
  const pages = [...visited].filter(([, type]) => type === "text/html").map(([path]) => path);
  for (const page of [
    "",
    "/jobs",
    "/remotes",
    "/destinations",
    "/notifications",
    "/people",
    "/tokens",
    "/audit",
    "/server",
  ]) {
    expect(pages).toContain(`/settings${page}`);
  }
  expect(pages).toEqual(
    expect.arrayContaining(["/runs", "/jobs", `/runs/${world.run}`, `/runs/${world.run}/log`]),
  );
  expect([...visited.keys()]).toEqual(expect.arrayContaining(["/api/v1/audit-log", "/api/v1/destinations"]));
});

test("whoever may only read is not led to what only an admin may see", { timeout: 300_000 }, async () => {
  const { origin, secrets, readerToken } = full();
  const login = await fetch(`${origin}/auth/token`, {
    method: "POST",
    headers: { origin, "content-type": "application/json" },
    body: JSON.stringify({ token: readerToken }),
  });
  const cookie = login.headers.getSetCookie()[0]?.split(";")[0] ?? "";
  const { visited, faults } = await crawl({
    origin,
    headers: { cookie },
    start: ["/", "/settings"],
    secrets,
  });
  expect(faults).toEqual([]);
  const paths = [...visited.keys()].map((path) => new URL(path, origin).pathname);
  expect(paths).toContain("/settings/destinations");
  for (const page of ["people", "audit", "notifications"]) {
    expect(paths).not.toContain(`/settings/${page}`);
    expect((await fetch(`${origin}/settings/${page}`, { headers: { cookie } })).status).toBe(403);
  }
  const destinations = await (await fetch(`${origin}/settings/destinations`, { headers: { cookie } })).text();
  expect(destinations).toContain("registry.example.com");
  expect(destinations).not.toContain("registry-password");
  const server = await (await fetch(`${origin}/settings/server`, { headers: { cookie } })).text();
  expect(server).not.toContain("data/database");
});

test("a secret is known by each form that gives it away", () => {
  const secret = `s"e&cr<et/17`;
  const forms = formsOf(secret);
  const isFound = (text: string): boolean => forms.some((form) => text.includes(form));
  for (const before of ["", "a", "ab", "abc"]) {
    for (const after of ["", "x", "xy"]) {
      const text = Buffer.from(`${before}${secret}${after}`);
      for (const encoding of ["utf8", "hex", "base64", "base64url"] as const) {
        expect([encoding, before, after, isFound(text.toString(encoding))]).toEqual([
          encoding,
          before,
          after,
          true,
        ]);
      }
      expect(isFound(encodeURIComponent(text.toString()))).toBe(true);
      expect(isFound(JSON.stringify(text.toString()))).toBe(true);
    }
  }
  expect(isFound("s%22e&cr")).toBe(false);
});
