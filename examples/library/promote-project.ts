// Promotes one project: shows the plan, then does it, and says how far it is.
//
//   promote-project TREE PROJECT [--confirm]

import { isWaybillError, openRegistries, parseSelection, promote, readManifests } from "waybill";

const [path = ".", project = "*", confirm] = process.argv.slice(2);
const registries = openRegistries();
try {
  const { report } = await promote({
    tree: await readManifests(path),
    selection: await parseSelection({ projects: [project] }),
    open: registries.repository,
    confirm: confirm === "--confirm",
    listener: (event) => {
      if (event.type === "planned") console.log(`${event.work} edges to do, plan ${event.hash}`);
      if (event.type === "edge-done") console.log(`done: ${event.destination}@${event.digest}`);
    },
  });
  for (const { count, message, hint } of report.causes) console.error(`${count}: ${message}; ${hint ?? ""}`);
  for (const { file, at, message } of report.manifestErrors) console.error(file, at?.line, message);
  process.exitCode = report.asDesired ? 0 : 2;
} catch (error) {
  if (!isWaybillError(error)) throw error;
  console.error(error.code, error.message, error.hint ?? "");
  process.exitCode = 1;
} finally {
  await registries.close();
}
