import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe } from "vitest";

/** Folder with real data, which the project does not hold itself. */
export const sharedFolder = resolve(
  process.env.WAYBILL_SHARED ?? resolve(import.meta.dirname, "../../../shared"),
);

/** `describe` for what needs real data: skipped where it is absent, and its name says so. */
export function describeShared(name: string, path: string, body: (folder: string) => void): void {
  const folder = join(sharedFolder, path);
  if (existsSync(folder)) describe(name, () => body(folder));
  else describe.skip(`${name} [skipped: no ${folder}; set WAYBILL_SHARED]`, () => body(folder));
}
