import { dirname, resolve } from "node:path";
import { type Diagnostic, Findings } from "../diagnostics/index.ts";
import { errorCodeOf, readNamed } from "../disk/index.ts";
import { messageOf } from "../errors/index.ts";
import { settingsCodes } from "../settings/index.ts";
import { parseYaml, type YamlNode, YamlSyntaxError } from "../yaml/index.ts";

/** Bytes of one file that the settings name; each reader has its own, lower bound. */
const maxBytes = 64 * 1024 * 1024;

/** Files that the section `trust` of a `waybill.yaml` names and that nobody can read, each at the place that names it. */
export async function unreadableTrustFiles(text: string, file: string): Promise<readonly Diagnostic[]> {
  const findings = new Findings(text, file, settingsCodes);
  for (const node of trustFilesIn(text)) {
    if (node.kind !== "scalar" || node.value === "" || node.value.startsWith("~")) continue;
    const path = resolve(dirname(resolve(file)), node.value);
    const why = await readNamed(path, maxBytes).then(
      () => undefined,
      (error: unknown) => (errorCodeOf(error) === "ENOENT" ? "there is no such file" : messageOf(error)),
    );
    if (why !== undefined) findings.report("unreadable-file", node.start, `${path} cannot be read: ${why}`);
  }
  return findings.diagnostics;
}

function trustFilesIn(text: string): readonly YamlNode[] {
  const trust = valuesIn(rootOf(text)).trust;
  const { trustedRoot, policy, keys, signers } = valuesIn(trust);
  const ofSigners = Object.values(valuesIn(signers)).flatMap((signer) => {
    const { key, signingConfig } = valuesIn(signer);
    return [key, signingConfig];
  });
  return [trustedRoot, policy, ...Object.values(valuesIn(keys)), ...ofSigners].filter(
    (node) => node !== undefined,
  );
}

/** A text that is no YAML has been told as that. */
function rootOf(text: string): YamlNode | undefined {
  try {
    return parseYaml(text).root;
  } catch (error) {
    if (error instanceof YamlSyntaxError) return undefined;
    throw error;
  }
}

function valuesIn(node: YamlNode | undefined): Readonly<Record<string, YamlNode | undefined>> {
  if (node?.kind !== "mapping") return {};
  return Object.fromEntries(node.entries.map(({ key, value }) => [key.value, value]));
}
