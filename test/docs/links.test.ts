import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { pages, proseOf, root, textOf } from "./pages.ts";

/** The names that headings of a page have in links, as GitHub makes them. */
function anchorsOf(page: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  const timesSeen = new Map<string, number>();
  for (const [, heading = ""] of proseOf(page).matchAll(/^#{1,6} +(.*?)(?: +#+)?$/gm)) {
    const words = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1").replaceAll(/[`*]/g, "");
    const slug = words
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\p{M} _-]/gu, "")
      .replaceAll(" ", "-");
    const before = timesSeen.get(slug) ?? 0;
    timesSeen.set(slug, before + 1);
    anchors.add(before === 0 ? slug : `${slug}-${before}`);
  }
  for (const [, name = ""] of textOf(page).matchAll(/<a (?:id|name)="([^"]+)"/g)) anchors.add(name);
  return anchors;
}

/** Where links of a page lead, as they are written; those of another host are left out. */
function linksOf(page: string): readonly string[] {
  const prose = proseOf(page).replaceAll(/`[^`\n]*`/g, "");
  const inline = prose.matchAll(/\]\(<?([^)\s>]+)>?(?: "[^"]*")?\)/g);
  const named = prose.matchAll(/^\[[^\]]+\]: +(\S+)/gm);
  return [...inline, ...named].map(([, link = ""]) => link).filter((link) => !/^(https?|mailto):/.test(link));
}

function isThere(page: string, link: string): boolean {
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? join(root, page) : resolve(root, dirname(page), path);
  // Neither is there what is outside of the project, nor what is spelled otherwise and found by some file systems.
  if (relative(root, target).startsWith("..") || !existsSync(target)) return false;
  if (target !== root && !readdirSync(dirname(target)).includes(target.slice(dirname(target).length + 1))) {
    return false;
  }
  if (anchor === undefined) return true;
  return statSync(target).isFile() && anchorsOf(relative(root, target)).has(anchor);
}

describe.each(pages)("%s", (page) => {
  it("links to pages, files and headings that are there", () => {
    expect(linksOf(page).filter((link) => !isThere(page, link))).toEqual([]);
  });
});

it("leads from the first page to every page of the documents", () => {
  const reached = new Set(["README.md"]);
  for (const page of reached) {
    if (!page.endsWith(".md")) continue;
    for (const link of linksOf(page)) {
      const path = link.split("#")[0] ?? "";
      if (path !== "") reached.add(relative(root, resolve(root, dirname(page), path)));
    }
  }
  expect(pages.filter((page) => !reached.has(page))).toEqual([]);
});

it("makes anchors as GitHub does", () => {
  const anchors = anchorsOf("docs/exit-codes-and-reports.md");
  expect([...anchors]).toContain("waybill-verify---json-waybill-verification1");
});
