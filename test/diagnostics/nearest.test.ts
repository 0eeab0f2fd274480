import { expect, test } from "vitest";
import { didYouMean, nearest } from "../../src/diagnostics/index.ts";

const words = ["name", "dmap", "serviceAccount", "id"];

test.each([
  ["nmae", "name"],
  ["NAME", "name"],
  ["serviceacount", "serviceAccount"],
  ["srviceAcount", "serviceAccount"],
  ["i", "id"],
  ["x", undefined],
  ["dimension", undefined],
])("%s is meant for %s", (text, word) => {
  expect(nearest(text, words)).toBe(word);
});

test("nobody compares more words, or longer ones, than there can be", () => {
  const many = Array.from({ length: 5000 }, (_, index) => `key${index}`);
  expect(nearest("kay4999", many)).toBe("key499");
  expect(nearest("a".repeat(1_000_000), ["a".repeat(1_000_000)])).toBe("a".repeat(1_000_000));
});

test("a question, where there is something to ask", () => {
  expect(didYouMean("nmae", words)).toBe("did you mean name?");
  expect(didYouMean("dimension", words)).toBeUndefined();
});
