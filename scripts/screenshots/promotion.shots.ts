import { execFile } from "node:child_process";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { test } from "vitest";
import { withPalette } from "./palette.ts";
import { picturesFolder } from "./picture.ts";

const watch = join(import.meta.dirname, "../../bench/pages/watch.mjs");

/** The bench counts frames and delays as well, of a page that nothing else looks at. */
test("a promotion of 200 images to four registries, while it goes on", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [watch, picturesFolder]);
  process.stdout.write(stdout);
  const names = (await readdir(picturesFolder)).filter((name) => /^promotion-\d\.png$/.test(name));
  for (const name of names) {
    const path = join(picturesFolder, name);
    await writeFile(path, withPalette(await readFile(path)));
  }
});
