import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { describeBrowser } from "../pages/browser.ts";
import { executable } from "../support/built.ts";
import { temporaryFolder } from "../support/tree.ts";
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
    try {
      for await (const { number, title, link } of demo.steps) {
        titles.push(title.split(/[:,.]/)[0] ?? "");
        if (link === undefined) continue;
        await page.goto(link);
        if (title.startsWith("A server")) expect((await page.request.get(link)).status()).toBe(410);
        await page.screenshot({ path: join(pictures ?? "", `${number}.png`) });
        if (!title.startsWith("Now you decide")) continue;
        // Whoever has come by the link may do it, and its next page says so.
        await page.getByRole("button", { name: "Release" }).click();
        // It is live: nobody reads it anew.
        await page.getByText("success").first().waitFor();
        await page.screenshot({ path: join(pictures ?? "", `${number}-let-go.png`) });
      }
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
        "It is in three registries",
        "And it is so",
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
