import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "vitest";
import { decideOn } from "../../test/demo/decide.ts";
import { watchDemo } from "../../test/demo/watched-demo.ts";
import { describeBrowser } from "../../test/pages/browser.ts";
import { executable } from "../../test/support/built.ts";
import { temporaryFolder } from "../../test/support/tree.ts";
import { takePicture } from "./picture.ts";

describeBrowser("pictures of the demonstration", (browser) => {
  test("each step", async () => {
    const folder = await temporaryFolder("pictures-demo");
    const temporary = join(folder.path, "tmp");
    await mkdir(temporary);
    const { PATH } = process.env;
    const demo = watchDemo(executable("waybill"), [], { PATH, HOME: folder.path, TMPDIR: temporary });
    const page = await browser.open("http://127.0.0.1", { viewport: { width: 1280, height: 800 } });
    try {
      for await (const { number, title, link } of demo.steps) {
        if (link === undefined) continue;
        await page.goto(link);
        await takePicture(page, `demo-${number}`);
        if (!title.startsWith("Now you decide")) continue;
        await decideOn(page);
        await takePicture(page, `demo-${number}-decided`);
      }
    } finally {
      await demo.stop();
      await folder.remove();
    }
  });
});
