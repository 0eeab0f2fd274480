import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { withPalette } from "./palette.ts";

/** Where the pictures of the documentation are. */
export const picturesFolder = join(import.meta.dirname, "../../docs/pictures");

/** Takes a picture of what is seen of a page, into a file of the documentation. */
export async function takePicture(page: Page, name: string): Promise<void> {
  await mkdir(picturesFolder, { recursive: true });
  await writeFile(
    join(picturesFolder, `${name}.png`),
    withPalette(await page.screenshot({ animations: "disabled" })),
  );
}
