import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";
import { textOf } from "./pages.ts";

const root = resolve(import.meta.dirname, "../..");
const listed = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true }).map((entry) =>
    join(entry.parentPath, entry.name).slice(root.length),
  );
const paths = ["src", "test", "bench", "docs", "examples"].flatMap(listed);
const sections = textOf("ARCHITECTURE.md").split(/^## /m);

/** Paths of files and folders that a text names: what stands in backticks and ends in `.ts` or a slash. */
function namedIn(text: string): readonly string[] {
  return Array.from(text.matchAll(/`([\w./-]+(?:\.ts|\/))`/g), ([, name = ""]) => name);
}

it("names files and folders that are there, by as much of their paths as tells them from others", () => {
  const gone = sections.flatMap((section) => {
    const names = namedIn(section);
    const rooms = new Set(names.map((name) => name.split("/")[0]));
    return names.filter((name) => {
      const suffix = `/${name.replace(/\/$/, "")}`;
      const found = paths.filter((path) => path.endsWith(suffix) || `${path}/`.endsWith(`/${name}`));
      if (name === "src/" || name === "test/" || name === "bench/") return false;
      // What has no folder before it is in a room that is named beside it.
      const isBare = !name.slice(0, -1).includes("/") && name.endsWith(".ts");
      return isBare ? !found.some((path) => rooms.has(path.split("/")[2])) : found.length === 0;
    });
  });
  expect(namedIn(sections.join("\n")).length).toBeGreaterThan(100);
  expect(gone).toEqual([]);
});

it("walks through files that are named with their rooms", () => {
  const [walks = ""] = sections.filter((section) => section.startsWith("Four walks"));
  const files = namedIn(walks).filter((name) => name.endsWith(".ts"));
  expect(files.length).toBeGreaterThan(30);
  expect(files.filter((file) => !paths.includes(`/src/${file}`))).toEqual([]);
});
