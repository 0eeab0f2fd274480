// `waybill promote --confirm`, as its users run it.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeTree } from "../tree.mjs";

/** The client under test; `settings` are the text of a waybill.yaml. */
export function waybillClient(path, { id = "waybill", title = "waybill", kind = "waybill", settings } = {}) {
  return {
    id,
    title,
    kind,
    async plan({ corpus, source, destinations, settings: needed = "" }, folder) {
      const tree = join(folder, "tree");
      const config = join(folder, "waybill.yaml");
      await writeTree(tree, corpus, source, destinations);
      await writeFile(config, `${settings ?? ""}${needed}` || "{}\n");
      return {
        commands: [[process.execPath, path, "promote", tree, "--confirm", "--quiet", "--config", config]],
      };
    },
  };
}
