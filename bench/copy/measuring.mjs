// Running a client and measuring what it uses.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { start } from "./processes.mjs";

const wrapper = fileURLToPath(new URL("usage.py", import.meta.url));

/**
 * Runs the commands of a client, so many at once, and gives wall and CPU seconds, peak resident MiB of its largest
 * process, how many commands failed, whether it was stopped at the limit, and the end of what it wrote.
 */
export async function measure({ commands, atOnce = 1, environment = {} }, folder, { limit, sample }) {
  const output = join(folder, "output.txt");
  const child = start("python3", [wrapper], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, ...environment },
  });
  child.endsWithTerm = true;
  child.stdin.end(JSON.stringify({ commands, atOnce, limit, output, sample }));
  let text = "";
  child.stdout.on("data", (chunk) => {
    text += chunk;
  });
  await new Promise((resolve, reject) => {
    child.once("close", resolve);
    child.once("error", reject);
  });
  const written = await readFile(output, "utf8").catch(() => "");
  return { ...JSON.parse(text), written };
}
