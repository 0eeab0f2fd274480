// `waybill promote --confirm`, as its users run it.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeTree } from "../tree.mjs";

/** The client under test; `settingsFor` gives the text of its waybill.yaml for a task. */
export function waybillClient(
  path,
  { id = "waybill", title = "waybill", kind = "waybill", settingsFor = () => "{}\n" } = {},
) {
  return {
    id,
    title,
    kind,
    async plan(task, folder) {
      const { corpus, source, destinations } = task;
      const tree = join(folder, "tree");
      const config = join(folder, "waybill.yaml");
      await writeTree(tree, corpus, source, destinations);
      await writeFile(config, settingsFor(task));
      return {
        commands: [[process.execPath, path, "promote", tree, "--confirm", "--quiet", "--config", config]],
      };
    },
  };
}
