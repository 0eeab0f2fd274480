import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, test } from "vitest";

/** Folder with real data, which the project does not hold itself. */
export const sharedFolder = resolve(
  process.env.WAYBILL_SHARED ?? resolve(import.meta.dirname, "../../../shared"),
);

/** `describe` for what needs real data: where it is absent, one skipped test says so. */
export function describeShared(name: string, path: string, body: (folder: string) => void): void {
  const folder = join(sharedFolder, path);
  if (existsSync(folder)) describe(name, () => body(folder));
  else test.skip(`${name} [skipped: no ${folder}; set WAYBILL_SHARED]`);
}
