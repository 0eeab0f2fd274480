import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { describeBrowser } from "../pages/browser.ts";
import { executable } from "../support/built.ts";
import { temporaryFolder } from "../support/tree.ts";
import { wayFrom } from "./counted-steps.ts";
import { decideOn } from "./decide.ts";
import { watchDemo } from "./watched-demo.ts";

describeBrowser("waybill demo --serve", (browser) => {
  test("goes from a pushed tag to production, and waits for nobody but who watches", async () => {
    const folder = await temporaryFolder("demo-serve");
    const [home, temporary, pictures] = ["home", "tmp", "pictures"].map((name) => join(folder.path, name));
    for (const path of [home, temporary, pictures]) await mkdir(path ?? "");
    const { PATH } = process.env;
    const demo = watchDemo(executable("waybill"), [], { PATH, HOME: home, TMPDIR: temporary });
    const page = await browser.open("http://127.0.0.1");
    const titles: string[] = [];
    let reference = "";
    try {
      for await (const { number, title, link } of demo.steps) {
        titles.push(title.split(/[:,.]/)[0] ?? "");
        if (link === undefined) continue;
        reference = link.split("/images/")[1] ?? "";
        await page.goto(link);
        if (title.startsWith("A server")) expect((await page.request.get(link)).status()).toBe(410);
        await page.screenshot({ path: join(pictures ?? "", `${number}.png`) });
        if (!title.startsWith("Now you decide")) continue;
        // Whoever has come by the link may do it. The steps are those of docs/compare-pages.md.
        const way = await wayFrom(page);
        await way.read("Running");
        await way.read("Failed last");
        await way.read("Needs somebody");
        await way.follow(/Image promotion for app/);
        await way.read("6 added");
        await decideOn(page);
        expect(way.steps + 1).toBe(2);
        await page.screenshot({ path: join(pictures ?? "", `${number}-let-go.png`) });
      }
      const found = await wayFrom(page);
      await found.find(reference);
      await found.read("3 of 3");
      await found.read("cecile approved");
      await found.read("build-app");
      expect(found.steps).toBe(1);
      const table = await wayFrom(page);
      await table.follow("Runs");
      await table.follow(/as JSON$/);
      expect(table.steps).toBe(2);
      expect(titles).toEqual([
        "Four registries",
        "What production has so far",
        "A small forge",
        "A server that does what its jobs say",
        "Dana pushes a tag",
        "It is built",
        "Its promotion is proposed",
        "Cecile",
        "Now you decide",
        "It was merged by that",
        "And it is so",
        "The life of the image as one line",
      ]);
      expect(demo.rest).toHaveLength(1);
      expect(await readdir(pictures ?? "")).toHaveLength(8);
    } finally {
      const { status, stderr } = await demo.stop();
      expect({ status, stderr }).toEqual({ status: 0, stderr: expect.not.stringContaining("Error") });
    }
    expect(await readdir(temporary ?? "")).toEqual([]);
    await folder.remove();
  }, 600_000);
});
