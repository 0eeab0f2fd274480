import { expect, it } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import { textOf } from "./pages.ts";

it("has a line for each package that is installed, and for none that is not", () => {
  const lines = textOf("docs/dependencies.md").match(/^\| `.*/gm) ?? [];
  const named = lines.flatMap((line) => {
    const [, packages = ""] = line.split("|");
    return Array.from(packages.matchAll(/`([^`]+)`/g), ([, name = ""]) => name);
  });
  const installed = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies });
  // Types alone say nothing by themselves; what a verb's options have theirs from comes with `commander`.
  const silent = (name: string): boolean =>
    name.startsWith("@types/") || name === "@commander-js/extra-typings";
  expect(named.toSorted()).toEqual(installed.filter((name) => !silent(name)).toSorted());
});
