import type { YamlNode } from "../yaml/index.ts";

/** Texts that are secrets by their form alone. */
const forms: readonly (readonly [form: RegExp, what: string])[] = [
  [/\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})/, "a token of GitHub"],
  [/\bgl(?:pat|dt|rt|cbt|ptt)-[A-Za-z0-9_-]{16,}/, "a token of GitLab"],
  [/\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/, "a key of AWS"],
  [/\bxox[abposr]-[A-Za-z0-9-]{10,}/, "a token of Slack"],
  [/\bhooks\.slack\.com\/services\/\S+/, "the address of a webhook, which is a secret"],
  [/\bwhsec_[A-Za-z0-9+/=]{16,}/, "the secret of a webhook"],
  [/\bya29\.[A-Za-z0-9_-]{20,}/, "a token of Google"],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----/, "a private key"],
  [/\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}/, "a token (JWT)"],
  [/:\/\/[^/\s:@]+:[^/\s@]+@/, "a URL with a password"],
];

/** Names of variables whose values are secrets, as a rule. */
const secretName = /(?:^|_)(?:PASSWORD|PASSWD|PASSPHRASE|TOKEN|SECRET|API_?KEY|PRIVATE_?KEY)$/i;

/** A place with something that looks like a secret. */
export interface SecretFinding {
  readonly start: number;
  readonly message: string;
  /** It is one by its form; otherwise a variable's name makes it likely. */
  readonly isCertain: boolean;
}

/** The places of a job that hold what looks like a secret. What stands there is never repeated. */
export function secretsIn(job: YamlNode): readonly SecretFinding[] {
  const found: SecretFinding[] = [];
  const visited = new Set<YamlNode>();
  const visit = (node: YamlNode): void => {
    if (visited.has(node)) return;
    visited.add(node);
    if (node.kind === "scalar") {
      const what = forms.find(([form]) => form.test(node.value))?.[1];
      if (what === undefined) return;
      found.push({ start: node.start, message: `it looks like ${what}`, isCertain: true });
    } else if (node.kind === "sequence") node.items.forEach(visit);
    else for (const { value } of node.entries) visit(value);
  };
  visit(job);
  return [...found, ...likelySecrets(job, new Set(found.map(({ start }) => start)))];
}

function likelySecrets(job: YamlNode, known: ReadonlySet<number>): SecretFinding[] {
  const env = job.kind === "mapping" ? job.entries.find(({ key }) => key.value === "env")?.value : undefined;
  return (env?.kind === "mapping" ? env.entries : []).flatMap(({ key, value }): SecretFinding[] => {
    if (value.kind !== "scalar" || value.value === "" || known.has(value.start)) return [];
    if (!secretName.test(key.value)) return [];
    return [{ start: value.start, message: `by its name, ${key.value} may be a secret`, isCertain: false }];
  });
}
