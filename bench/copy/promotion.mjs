// One run of `waybill promote --confirm` and what it says of itself.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { removeFolder, start, temporaryFolder } from "./processes.mjs";
import { writeTree } from "./tree.mjs";

/**
 * Promotes a corpus, with nothing of the user who runs it. Gives the exit `status`, when it `beganAt`, the `wallSeconds`
 * it took, its `report`, and the end of what it wrote beside that.
 */
export async function promote(bench, { corpus, source, destinations, settings = "{}\n" }) {
  const folder = await temporaryFolder(bench.temporary, "promotion");
  try {
    const tree = join(folder, "tree");
    const config = join(folder, "waybill.yaml");
    await writeTree(tree, corpus, source, destinations);
    await writeFile(config, settings);
    const options = ["--confirm", "--json", "--config", config];
    const beganAt = Date.now();
    const child = start(process.execPath, [bench.waybill, "promote", tree, ...options], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH: process.env.PATH, HOME: folder, DOCKER_CONFIG: folder },
    });
    const written = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"]) {
      child[name].setEncoding("utf8").on("data", (text) => {
        written[name] += text;
      });
    }
    const status = await new Promise((resolve) => child.once("close", resolve));
    return {
      status,
      beganAt,
      wallSeconds: (Date.now() - beganAt) / 1000,
      report: written.stdout.startsWith("{") ? JSON.parse(written.stdout) : undefined,
      errors: written.stderr.slice(-4000),
    };
  } finally {
    await removeFolder(folder);
  }
}
