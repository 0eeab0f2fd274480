import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { test } from "vitest";

/** Whether a program is in PATH. */
export function hasProgram(name: string): boolean {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * `test` for what needs real programs: without them the test is skipped and its name says why. On a CI machine
 * (`CI=true`) it runs and fails instead.
 */
export function testWith(...programs: readonly string[]) {
  const missing = programs.filter((name) => !hasProgram(name));
  if (missing.length === 0 || process.env.CI === "true") return test;
  return (name: string, body: () => void | Promise<void>) =>
    test.skip(`${name} [skipped: no ${missing.join(", ")} in PATH]`, body);
}
