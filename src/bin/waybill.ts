#!/usr/bin/env node
import { writeSync } from "node:fs";
import packageJson from "../../package.json" with { type: "json" };
import { keepCompiled } from "./compile-cache.ts";

const argv = process.argv.slice(2);
const asksVersion = argv.length === 1 && (argv[0] === "--version" || argv[0] === "-V");
// Scripts ask for the version often; the parser would take as long again as Node itself.
if (!asksVersion || !isPrinted(`${packageJson.version}\n`)) {
  keepCompiled();
  const { main } = await import("../cli/main.ts");
  process.exitCode = await main(argv);
}

function isPrinted(text: string): boolean {
  try {
    return writeSync(1, text) === text.length;
  } catch {
    // The long way explains why it cannot be printed.
    return false;
  }
}
