import { readFileSync, writeFileSync } from "node:fs";
import { madePages } from "./pages.ts";

const isCheck = process.argv.includes("--check");
const stale = madePages((page) => readFileSync(page, "utf8")).filter(({ before, after }) => before !== after);
for (const { page, after } of stale) {
  if (!isCheck) writeFileSync(page, after);
  process.stdout.write(`${page}: ${isCheck ? "not as the code has it; npm run docs makes it" : "made"}\n`);
}
if (isCheck && stale.length > 0) process.exitCode = 1;
