import { nearest, quoted } from "../diagnostics/index.ts";
import type { CloudBuildSecret, CloudBuildText } from "./file.ts";
import type { CloudBuildFindings } from "./findings.ts";
import type { BuildFields } from "./shape.ts";

/** The secrets that a file names: in Secret Manager, or encrypted by a key of KMS in the file itself. */
export function readSecrets(fields: BuildFields, findings: CloudBuildFindings): CloudBuildSecret[] {
  const secrets: CloudBuildSecret[] = [];
  for (const { value, at } of fields.availableSecrets?.value.secretManager ?? []) {
    const { env, versionName: version } = value;
    if (env === undefined || version === undefined) {
      const missing = env === undefined ? "env, the variable that steps know it by" : "versionName";
      findings.report("missing-key", at, `a secret of Secret Manager needs ${missing}`);
    } else secrets.push({ env, version });
  }
  const encrypted = [
    ...(fields.availableSecrets?.value.inline ?? []).flatMap(({ value }) => value.envMap ?? []),
    ...(fields.secrets ?? []).flatMap(({ value }) => value.secretEnv ?? []),
  ];
  for (const { name } of encrypted) secrets.push({ env: name });
  const known = new Set<string>();
  return secrets.filter(({ env }) => {
    if (known.has(env.value))
      findings.report("secret", env.at, `two secrets have the variable ${quoted(env.value)}`);
    const isNew = !known.has(env.value);
    known.add(env.value);
    return isNew;
  });
}

/** Whether what steps ask for by `secretEnv` is there, and the other way round. */
export function checkSecrets(
  secrets: readonly CloudBuildSecret[],
  asked: readonly CloudBuildText[],
  findings: CloudBuildFindings,
): void {
  const names = new Set(secrets.map(({ env }) => env.value));
  const askedFor = new Set(asked.map(({ value }) => value));
  for (const { value, at } of asked) {
    if (names.has(value)) continue;
    const near = findings.isFull ? undefined : nearest(value, names);
    const hint = near === undefined ? "name it under availableSecrets" : `did you mean ${near}?`;
    findings.report("secret", at, `no secret has the variable ${quoted(value)}`, hint);
  }
  for (const { env } of secrets) {
    if (askedFor.has(env.value)) continue;
    const message = `the secret ${quoted(env.value)} is asked for by no step; Google's service refuses that`;
    findings.report("secret", env.at, message, "name it in the secretEnv of a step", { severity: "warning" });
  }
}
