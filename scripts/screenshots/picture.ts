import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { withPalette } from "./palette.ts";

const folder = join(import.meta.dirname, "../../docs/pictures");

/** Takes a picture of what is seen of a page, into a file of the documentation. */
export async function takePicture(page: Page, name: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(
    join(folder, `${name}.png`),
    withPalette(await page.screenshot({ animations: "disabled" })),
  );
}
