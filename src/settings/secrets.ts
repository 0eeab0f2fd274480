import { formatPlace } from "../diagnostics/index.ts";
import {
  described,
  type Fields,
  made,
  mapping,
  type ReadContext,
  record,
  required,
  type Shape,
  word,
} from "../schema/index.ts";
import type { SecretManagerSetting, SecretSetting } from "../secrets/index.ts";
import type { YamlNode } from "../yaml/index.ts";
import { subject } from "./identities.ts";
import { filePath, nameFault, textLike } from "./values.ts";

/** The section `secretManagers`: who keeps secrets, by the names that references begin with. */
export function secretManagers(folder: string): Shape<Readonly<Record<string, SecretManagerSetting>>> {
  return described(
    record(manager(folder), managerFault),
    "Who keeps secrets, by the name that references such as vault:team/registry#password begin with.",
  );
}

const isManager = nameFault("a manager of secrets");

function managerFault(name: string) {
  return name === "file" || name === "env" ? { fault: `${name}: has a meaning of its own` } : isManager(name);
}

/** Where a secret is that a manager keeps, a file or a variable. */
export const secretReference: Shape<string> = textLike(
  /^[a-z0-9][a-z0-9.-]{0,63}:(?!\/\/)[^\s#]+(?:#\S+)?$/,
  {
    fault: "expected where the secret is kept, not the secret",
    hint: "such as vault:team/registry#password, file:/run/secrets/password or env:PASSWORD",
  },
  "Where the secret is: MANAGER:PATH#FIELD, file:PATH or env:NAME.",
);

/** Which keys are of which kinds. */
const keysOf = {
  vault: ["address", "namespace", "mount", "auth", "authMount", "role", "token"],
  google: ["project", "identity"],
  aws: ["region", "identity"],
  azure: ["address", "identity"],
} as const;
const needed = { vault: "address", google: "project", aws: "region", azure: "address" } as const;

function manager(folder: string): Shape<SecretManagerSetting> {
  const name = (description: string): Shape<string> =>
    textLike(/^[\w.@/-]{1,200}$/, { fault: "expected a name" }, description);
  const written = mapping(
    "a manager of secrets",
    {
      kind: required(described(word(["vault", "google", "aws", "azure"]), "What it is; OpenBao is vault.")),
      address: textLike(
        /^https?:\/\/[^/@?#\s]+$/,
        { fault: "expected an origin", hint: "such as https://vault.example.com:8200" },
        "Vault, and Azure's https://NAME.vault.azure.net.",
      ),
      namespace: name("Vault: the namespace."),
      mount: name("Vault: where the key-value engine is mounted; secret by default."),
      auth: described(
        word(["token", "kubernetes", "jwt"]),
        "Vault: how it is logged in to; with a token of its own by default, else $VAULT_TOKEN or ~/.vault-token.",
      ),
      authMount: name("Vault: where that way of logging in is mounted; by its name by default."),
      role: name("Vault: the role that is logged in with."),
      token: described(
        subject(folder),
        "Vault: where the token is: its own, or for jwt and kubernetes what the CI system or cluster gives.",
      ),
      project: name("Google: the project's id."),
      region: textLike(
        /^[a-z]{2,4}(?:-[a-z]+)+-[0-9]{1,2}$/,
        { fault: "expected a region" },
        "AWS: the region.",
      ),
      identity: name("Google, AWS, Azure: one of identities; who the machine is without it."),
    },
    {
      check: refuseOthersKeys,
      advice: (key) =>
        /pass|secret|auth|credential/i.test(key)
          ? "no secret may stand in this file: name where it is under token"
          : undefined,
    },
  );
  return made(written, (values, node, { findings }): SecretManagerSetting | undefined => {
    const { kind, address, project, region, identity, namespace, mount, auth, authMount, role, token } =
      values;
    const where = formatPlace({ file: findings.file, line: findings.placeOf(node.start).line });
    const asked = { where, ...(identity !== undefined && { identity }) };
    if (kind === "google" && project !== undefined) return { kind, project, ...asked };
    if (kind === "aws" && region !== undefined) return { kind, region, ...asked };
    if (kind === "azure" && address !== undefined) return { kind, address, ...asked };
    if (kind !== "vault" || address === undefined) return undefined;
    return {
      ...{ kind, address, where },
      ...(namespace !== undefined && { namespace }),
      ...(mount !== undefined && { mount }),
      ...(auth !== undefined && { auth }),
      ...(authMount !== undefined && { authMount }),
      ...(role !== undefined && { role }),
      ...(token !== undefined && { token }),
    };
  });
}

function refuseOthersKeys({ known, value }: Fields, node: YamlNode, { findings }: ReadContext): void {
  const kind = value("kind");
  if (kind?.kind !== "scalar" || !Object.hasOwn(keysOf, kind.value)) return;
  const own = kind.value as keyof typeof keysOf;
  const keys: ReadonlySet<string> = new Set(["kind", ...keysOf[own]]);
  for (const [key, entry] of known) {
    if (!keys.has(key)) findings.report("invalid-value", entry.key.start, `${key} is not for ${own}`);
  }
  if (!known.has(needed[own])) findings.report("missing-key", node.start, `${needed[own]} is missing`);
  const auth = value("auth");
  const isLogin = auth?.kind === "scalar" && auth.value !== "token";
  if (isLogin && !known.has("role")) findings.report("missing-key", node.start, "role is missing");
  if (isLogin && auth.value === "jwt" && !known.has("token")) {
    findings.report("missing-key", node.start, "token is missing");
  }
}

/** Where a secret is kept: in a file, in a variable, or by a reference; exactly one of them. */
export function secretSetting(folder: string): Shape<SecretSetting> {
  const written = mapping(
    "a secret",
    {
      file: filePath(folder, "File that holds the secret alone."),
      variable: textLike(
        /^[A-Za-z_][A-Za-z0-9_]*$/,
        { fault: "expected the name of an environment variable" },
        "Environment variable that holds the secret.",
      ),
      from: secretReference,
    },
    {
      check: ({ known }, node, { findings }) => {
        if (known.size === 1) return;
        findings.report("invalid-value", node.start, "expected exactly one of: file, variable, from");
      },
    },
  );
  return made(
    written,
    ({ from, ...rest }): SecretSetting => (from === undefined ? rest : { reference: from }),
  );
}
