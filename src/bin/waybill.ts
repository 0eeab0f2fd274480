#!/usr/bin/env node
import packageJson from "../../package.json" with { type: "json" };

const argv = process.argv.slice(2);
if (argv.length === 1 && (argv[0] === "--version" || argv[0] === "-V")) {
  // Scripts ask for the version often; the parser would take as long again as Node itself.
  process.stdout.write(`${packageJson.version}\n`);
} else {
  const { main } = await import("../cli/main.ts");
  process.exitCode = await main(argv);
}
