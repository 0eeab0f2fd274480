import { expect, test } from "vitest";
import { withoutPassword } from "../../src/git/index.ts";

test.each([
  ["https://ann:pass@host/a.git", "https://host/a.git"],
  ["https://ann:p#a?s@s@host/a.git?token=x#y", "https://host/a.git"],
  ["ssh://ann:pass@host/a.git", "ssh://ann@host/a.git"],
  ["ssh://:pass@host/a.git", "ssh://@host/a.git"],
  ["git://:pa@ss@host/a.git", "git://@host/a.git"],
  ["ssh://git@host:22/a@b.git", "ssh://git@host:22/a@b.git"],
])("of %s %s is shown", (url, shown) => {
  expect(withoutPassword(url)).toBe(shown);
});
