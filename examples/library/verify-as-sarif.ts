// Verifies that production holds what manifests ask for, and prints what it does not as SARIF, which code hosts show beside
// the lines that ask for it.
//
//   verify-as-sarif TREE

import {
  checkFile,
  type Diagnostic,
  type Finding,
  openRegistries,
  readManifests,
  toSarif,
  verifyProduction,
} from "waybill";

const [path = "."] = process.argv.slice(2);
const registries = openRegistries();
try {
  const { manifests } = await readManifests(path);
  const { findings } = await verifyProduction({ manifests, open: registries.repository });
  const { diagnostics, codes } = await checkFile(path);
  const rules = Object.fromEntries(
    findings.map(
      ({ kind }) => [kind, { severity: "error", summary: "Production is not as asked." }] as const,
    ),
  );
  const log = toSarif([...diagnostics, ...findings.map(asDiagnostic)], { ...codes, ...rules });
  process.stdout.write(`${JSON.stringify(log, undefined, 2)}\n`);
  process.exitCode = findings.length === 0 ? 0 : 2;
} finally {
  await registries.close();
}

function asDiagnostic({ kind, destination, tag, message, place }: Finding): Diagnostic {
  const { file, ...at } = place;
  const name = tag === null ? destination : `${destination}:${tag}`;
  return { code: kind, severity: "error", message: `${name}: ${message}`, file, at };
}
