// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of Cloud Build are what is tested
import { expect, test } from "vitest";
import { nothing, problemsOf } from "./reading.ts";

/** As much of a text as a file may have beside a few other lines. */
const full = (text: string): string => text.repeat(Math.floor((1024 * 1024 - 20_000) / text.length));
const each = (count: number, make: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => make(index)).join(",");
const dynamic = "options: {dynamicSubstitutions: true, substitutionOption: ALLOW_LOOSE}\n";
const long = `substitutions: {_G: "${"x".repeat(4000)}"}\n`;

/** Files that would take minutes, or all memory, if anything about them were done in squares. */
const files: Readonly<Record<string, readonly [string, string]>> = {
  "unknown keys": [
    `steps: [{name: a}]\n${each(50_000, (index) => `unknwn${index}: 1`).replaceAll(",", "\n")}`,
    'unknown key "unknwn0"',
  ],
  steps: [`steps:\n${full("- name: a\n")}`, "at most 300 steps"],
  "ids that are waited for": [
    `steps: [{name: a, waitFor: [${each(90_000, (index) => `z${index}`)}]}]`,
    "no step has the id",
  ],
  references: [`steps: [{name: a, args: ['${full("$_A$B")}']}]`, "is not a valid built-in substitution"],
  "references to long values": [
    `steps: [{name: a, args: ['${full("$_G")}']}]\n${long}options: {substitutionOption: ALLOW_LOOSE}`,
    "take more than they may",
  ],
  expansions: [
    `steps: [{name: a, args: ['${full("${_G//[a-z]*[!b]/x}")}']}]\n${long}${dynamic}`,
    "take more than they may",
  ],
  "expansions within each other": [
    `steps: [{name: a, args: ['${"${_G:-".repeat(100_000)}${"}".repeat(100_000)}']}]\n${dynamic}`,
    "more than 20 deep",
  ],
  "expansions that do not end": [
    `steps: [{name: a, args: ['${"${_G:-".repeat(150_000)}']}]\n${dynamic}`,
    "is not understood",
  ],
  secrets: [
    `steps: [{name: a, secretEnv: [${each(45_000, (index) => `z${index}`)}]}]\nsecrets: [{secretEnv: {${each(45_000, (index) => `y${index}: x`)}}}]`,
    "no secret has the variable",
  ],
  "variables for all steps": [
    `steps:\n${"- name: a\n".repeat(300)}options: {env: [${each(90_000, (index) => `z${index}=1`)}]}`,
    "more than 1000 items",
  ],
  substitutions: [
    `steps: [{name: a}]\nsubstitutions: {${each(40_000, (index) => `_Z${index}: $_Z${index + 1}`)}}\n${dynamic}`,
    "at most 200 substitutions",
  ],
  "names of images": [`steps: [{name: ${full("a/")}}]`, "invalid image name"],
};

test.each(Object.entries(files))("a file full of %s is done with", (_, [text, message]) => {
  expect(problemsOf(text, nothing).map((problem) => problem.message)).toContainEqual(
    expect.stringContaining(message),
  );
});
