import { expect, test } from "vitest";
import { recordLook, recordTraffic } from "../../src/production/index.ts";
import { first, hours, lookAt, place, trouble } from "../production/looks.ts";
import { digestFor } from "../promotion/world.ts";
import type { ServerWorld, WorldOptions } from "../server/server-world.ts";
import { barriersAt, describeBrowser, polled } from "./browser.ts";
import { logIn, usePages } from "./page-world.ts";

const hostile = "</main><script>alert(1)</script><img src=x onerror=alert(2)> \u202egnp.exe";
const project = "<img src=x onerror=alert(3)>\u202eetats";

const jobs = `jobs:
- name: verify
  repo: ${place.repo}
  clock: { cron: "0 */4 * * *", ref: main }
  verify: { manifests: ${place.path} }
`;

describeBrowser("pages of production", (browser) => {
  const world = usePages();
  const worldAt = (hour: number, more: WorldOptions = {}) =>
    world({ jobs, parts: { now: () => hours(hour) }, ...more });

  const images = { app: { a1: ["v1.9.0"], a2: ["v1.10.0", "latest"] }, tool: { t1: [] } };
  const projects = { alpha: images, beta: { other: { b1: ["v1"] } }, [project]: { bad: { h1: ["v1"] } } };

  async function withProduction({ db }: Pick<ServerWorld, "db">) {
    const failure = { code: "unreachable", message: hostile, hint: hostile, host: "asia.example" };
    const troubles = [
      trouble(0, "alpha/app", "a2", "latest", "elsewhere", { current: digestFor("x") }),
      trouble(1, "alpha/app", "a1", "v1.9.0", "missing"),
      trouble(2, "alpha/app", "a1", "v1.9.0", "failed", { failure }),
      trouble(2, "alpha/tool", "t1", null, "corrupt"),
      trouble(1, "img-src-x-onerror-alert-3-etats/bad", "h1", "v1", "unread", { failure }),
    ];
    await recordLook(
      db,
      lookAt(projects, { troubles, isDeep: true, promoted: { images: 3, edges: 9 }, manifestErrors: 2 }),
    );
    const counts = {
      requests: { manifest: 1200 } as object,
      waited: 61_000,
      bytesRead: 5_000_000,
      bytesSent: 7,
    };
    const traffic = { hosts: { "eu.example": { ...counts, faults: { "rate-limited": 3 } } } };
    await recordTraffic(db, { run: "1", attempt: 1, ended: first, traffic });
  }

  const addresses = [
    "/production",
    "/production?show=off",
    "/production/drift",
    "/production/drift?state=unread&search=bad",
    `/production/projects/${encodeURIComponent(project)}`,
    "/production/projects/alpha",
    "/production/projects/nobody",
    "/production/hosts",
    "/production/hosts?grain=hour&host=eu.example",
  ];

  test("are without barriers, at three widths, light and dark", { timeout: 240_000 }, async () => {
    const served = await worldAt(1);
    await withProduction(served);
    const page = await browser.open(served.origin);
    await logIn(page, await served.token("reader"));
    expect(await barriersAt(page, addresses, false)).toEqual([]);
  });

  test("show projects at mirrors, and lead to what is not as asked, without scripts", async () => {
    const served = await worldAt(1, { access: { anonymousReading: true } });
    await withProduction(served);
    const page = await browser.open(served.origin, { javaScriptEnabled: false });
    await page.goto("/production");
    const main = page.locator("main");
    await expect(main.getByRole("rowheader").allTextContents()).resolves.toEqual([
      ...["<img src=x onerror=alert(3)>", "alpha", "beta"].map(
        (name) => expect.stringContaining(name) as string,
      ),
    ]);
    expect(await main.locator("script, img").count()).toBe(0);
    await expect.poll(() => main.textContent(), polled).toContain("errors in its manifests: 2");
    await expect.poll(() => main.textContent(), polled).toContain("3 in the last 90 days");
    await expect.poll(() => main.locator("figure.chart > svg").count(), polled).toBe(3);
    const cell = page.getByRole("row", { name: /^alpha/ }).getByRole("link", { name: /1 missing of 4/ });
    await cell.click();
    await expect.poll(() => new URL(page.url()).search, polled).toBe("?state=off&mirror=us.example");
    await expect.poll(() => main.textContent(), polled).toContain("v1.9.0 at us.example since");
    await page.getByLabel("State").selectOption("damaged");
    await page.getByLabel("Mirror where it is not").fill("");
    await page.getByRole("button", { name: "Show" }).click();
    await expect
      .poll(() => main.textContent(), polled)
      .toContain("a part of the image is not what its digest says");
    await page.goto("/production/drift?state=unread");
    await expect.poll(() => main.textContent(), polled).toContain("<script>alert(1)</script>");
    expect(await main.locator("script, img").count()).toBe(0);
  });

  test("a look that is too old is never green", async () => {
    const served = await worldAt(7, { access: { anonymousReading: true } });
    await recordLook(served.db, lookAt({ alpha: images }));
    const page = await browser.open(served.origin);
    await page.goto("/production");
    await expect.poll(() => page.locator("main").textContent(), polled).toContain("The next look is overdue");
    expect(await page.locator("td.health-there").count()).toBe(0);
    await expect.poll(() => page.locator("td.health-old").count(), polled).toBe(3);
    await page.goto("/production/projects/alpha");
    expect(await page.locator("td.health-there").count()).toBe(0);
  });

  test("are used by keyboard alone, and their tables are got as JSON and CSV", async () => {
    const served = await worldAt(1);
    await withProduction(served);
    const page = await browser.open(served.origin);
    await logIn(page, await served.token("reader"));
    await page.goto("/production/projects/alpha");
    const search = page.getByLabel("Image, tag or digest");
    await search.focus();
    await page.keyboard.type("v1.10");
    await page.keyboard.press("Enter");
    await page.waitForURL(/search=v1\.10/);
    await page.locator("main").getByRole("rowheader").first().waitFor();
    await expect.poll(() => page.locator("main").getByRole("rowheader").count(), polled).toBe(1);
    const read = (path: string) => page.evaluate(async (address) => (await fetch(address)).text(), path);
    const csv = await read("/production?format=csv");
    expect(csv.split("\r\n")[0]).toBe(
      "project,mirror,registry,health,edges,there,failed,elsewhere,damaged,contested,missing,unread,offSince,unreadSince,lookedAt,run,isStale,repo,path",
    );
    expect(csv.split("\r\n")).toHaveLength(11);
    expect(JSON.parse(await read("/production?format=json&table=drift")).items).toHaveLength(4);
    expect(JSON.parse(await read("/production?format=json&table=promoted")).items).toMatchObject([
      { images: 3 },
    ]);
    expect(JSON.parse(await read("/production/hosts?format=json&table=hosts")).items).toMatchObject([
      { host: "eu.example", requests: 1200, refused: 3, waited: 61_000 },
    ]);
    expect(await read("/production/projects/alpha?format=csv")).toContain("v1.10.0 latest");
  });

  test("say what to do where nobody has looked yet", async () => {
    const served = await worldAt(1, { access: { anonymousReading: true } });
    const page = await browser.open(served.origin);
    for (const [address, words] of [
      ["/production", "Nobody has looked at production yet"],
      ["/production/drift", "All that the manifests ask for is there"],
      ["/production/hosts", "Numbers come with the first run that ends"],
    ] as const) {
      await page.goto(address);
      await expect.poll(() => page.locator("main").textContent(), polled).toContain(words);
    }
    expect((await page.goto("/production/projects/nobody"))?.status()).toBe(404);
  });
});
