import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { describeBrowser } from "../../test/pages/browser.ts";
import { sharedFolder } from "../../test/support/shared.ts";
import { temporaryFolder } from "../../test/support/tree.ts";
import { startKubernetes } from "./kubernetes.ts";
import { pagesOf } from "./pages.ts";
import { takePicture } from "./picture.ts";

const tree = process.env.WAYBILL_TREE ?? join(sharedFolder, "k8s.io", "registry.k8s.io");

describeBrowser("pictures of all pages", (browser) => {
  test("with the tree of Kubernetes", async () => {
    expect(
      existsSync(join(tree, "manifests")),
      `there is no ${tree}: check out https://github.com/kubernetes/k8s.io, and name its folder registry.k8s.io in WAYBILL_TREE`,
    ).toBe(true);
    const folder = await temporaryFolder("pictures");
    const world = await startKubernetes(folder.path, tree);
    const absent: string[] = [];
    try {
      for (const colorScheme of ["light", "dark"] as const) {
        const page = await browser.open(world.url, { colorScheme, viewport: { width: 1280, height: 800 } });
        await page.goto(world.wayIn());
        await world.beBusy();
        for (const { name, path, alsoAt = [] } of pagesOf(world)) {
          await page.setViewportSize({ width: 1280, height: 800 });
          const answer = await page.goto(path);
          if (answer?.status() !== 200) {
            // The others are taken all the same.
            absent.push(path);
            continue;
          }
          await takePicture(page, `${name}-${colorScheme}`);
          for (const width of colorScheme === "light" ? alsoAt : []) {
            await page.setViewportSize({ width, height: 780 });
            await takePicture(page, `${name}-${width}`);
          }
        }
      }
    } finally {
      await world.close();
      await folder.remove();
    }
    expect(absent).toEqual([]);
  });
});
