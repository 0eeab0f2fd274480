// The embedded registry, as `waybill registry serve` runs it.
import { createInterface } from "node:readline";
import { removeFolder, start, stop, temporaryFolder } from "./processes.mjs";

/** Starts one with an empty folder on a free port. */
export async function startEmbedded(bench) {
  const folder = await temporaryFolder(bench.data, "embedded");
  const options = ["registry", "serve", "--dir", folder, "--listen", "127.0.0.1:0", "--json"];
  const child = start(process.execPath, [bench.waybill, ...options], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { PATH: process.env.PATH, HOME: folder },
  });
  let text = "";
  for await (const line of createInterface(child.stdout)) {
    text += line;
    if (text.endsWith("}")) break;
  }
  return {
    address: JSON.parse(text).address,
    async end() {
      await stop(child);
      await removeFolder(folder);
    },
  };
}
