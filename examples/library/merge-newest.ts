// Adds the newest tags of each image that a staging registry holds to the manifest that promotes from there, and prints the
// change; with --write it is written as well.
//
//   merge-newest TREE STAGING COUNT [--write]

import { isWaybillError, merge, openRegistries } from "waybill";

const [tree = ".", staging = "", count = "1", write] = process.argv.slice(2);
const registries = openRegistries();
try {
  const { added, diff, warnings } = await merge({
    tree,
    staging,
    filters: { newest: Number(count) },
    open: registries.repository,
    catalog: registries.catalog,
    dryRun: write !== "--write",
  });
  for (const warning of warnings) console.error(warning);
  process.stdout.write(diff);
  console.error(`${added.length} added`);
} catch (error) {
  if (!isWaybillError(error)) throw error;
  console.error(error.code, error.message, error.hint ?? "");
  process.exitCode = 1;
} finally {
  await registries.close();
}
