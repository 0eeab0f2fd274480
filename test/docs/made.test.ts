import { expect, it } from "vitest";
import { madePages } from "../../scripts/docs/pages.ts";
import { textOf } from "./pages.ts";

it.each(madePages(textOf))("$page is as npm run docs makes it", ({ before, after }) => {
  expect(before).toBe(after);
});
