import { expect, test } from "vitest";
import { withoutUser } from "../../src/cli/forge.ts";

test.each([
  ["https://ann:s3cret@git.example.com/o/r", "https://git.example.com/o/r"],
  ["https://ann:s3@cr/et@git.example.com/o/r", "https://git.example.com/o/r"],
  ["s3cret@git.example.com/o/r", "git.example.com/o/r"],
  ["ann:s3cret@git.example.com:o/r", "git.example.com:o/r"],
  ["https://s3cret@git.example.com/o/r/pull/5", "https://git.example.com/o/r/pull/5"],
  ["git@git.example.com:o/r.git", "git@git.example.com:o/r.git"],
  ["ssh://git@git.example.com/o/r", "ssh://git@git.example.com/o/r"],
  ["o/r", "o/r"],
])("%s is shown and kept without who logs in by it", (address, shown) => {
  expect(withoutUser(address)).toBe(shown);
});
