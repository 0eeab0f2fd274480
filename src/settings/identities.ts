import type {
  AwsIdentity,
  AzureIdentity,
  GoogleIdentity,
  IdentitySetting,
  SubjectPlace,
} from "../clouds/index.ts";
import { formatPlace } from "../diagnostics/index.ts";
import { isHost } from "../oci/index.ts";
import {
  described,
  either,
  type Fields,
  list,
  made,
  mapping,
  type ReadContext,
  record,
  required,
  type Shape,
  text,
  word,
} from "../schema/index.ts";
import type { YamlNode } from "../yaml/index.ts";
import { filePath, nameFault, textLike } from "./values.ts";

/** The section `identities`: who this process is at clouds, by names of the user's own. */
export function identities(folder: string): Shape<Readonly<Record<string, IdentitySetting>>> {
  return described(
    record(identity(folder), nameFault("an identity")),
    "Who Waybill is at a cloud, by a name for credentials; google, aws and azure are who the machine is.",
  );
}

/** Which keys are of one cloud alone. */
const keysOf = {
  google: ["keyFile", "provider", "serviceAccount"],
  aws: ["role", "region"],
  azure: ["tenant", "client"],
} as const;

function identity(folder: string): Shape<IdentitySetting> {
  const written = mapping(
    "an identity",
    {
      cloud: required(described(word(["google", "aws", "azure"]), "The cloud.")),
      token: described(
        subject(folder),
        "What vouches for this process: github, or where a token is; what the machine has without it.",
      ),
      hosts: described(
        list(text((name) => (isHost(name) ? undefined : "expected host or host:port"))),
        "Registries that may see its tokens, beside those that are known as the cloud's.",
      ),
      keyFile: filePath(
        folder,
        "Google: JSON file of a service account's key, or of a workload identity federation.",
      ),
      provider: textLike(
        /^projects\/[0-9]+\/locations\/global\/workloadIdentityPools\/[a-z0-9-]+\/providers\/[a-z0-9-]+$/,
        { fault: "expected projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER" },
        "Google: the provider of a workload identity pool that takes the token.",
      ),
      serviceAccount: textLike(
        /^[a-z0-9][a-z0-9.-]*@[a-z0-9][a-z0-9.-]*$/,
        { fault: "expected the address of a service account" },
        "Google: the service account that is acted as.",
      ),
      role: textLike(
        /^arn:aws[a-z-]*:iam::[0-9]{12}:role\/[\w+=,.@/-]+$/,
        { fault: "expected the ARN of a role", hint: "such as arn:aws:iam::123456789012:role/promoter" },
        "AWS: the role that is assumed.",
      ),
      region: textLike(
        /^[a-z]{2,4}(?:-[a-z]+)+-[0-9]{1,2}$/,
        { fault: "expected a region, such as eu-west-1" },
        "AWS: the region of the token service, and of what does not say its own.",
      ),
      tenant: textLike(
        /^[A-Za-z0-9][A-Za-z0-9.-]*$/,
        { fault: "expected the id of a tenant" },
        "Azure: the tenant; $AZURE_TENANT_ID without it.",
      ),
      client: textLike(
        /^[A-Za-z0-9-]+$/,
        { fault: "expected the id of a client" },
        "Azure: the application or the managed identity; $AZURE_CLIENT_ID without it.",
      ),
    },
    {
      check: refuseOthersKeys,
      advice: (key) =>
        /pass|secret|auth|credential/i.test(key)
          ? "no secret may stand in this file: name a token's file or variable under token"
          : undefined,
    },
  );
  return made(written, (values, node, { findings }): IdentitySetting => {
    const { cloud, token, hosts, keyFile, provider, serviceAccount, role, region, tenant, client } = values;
    const where = formatPlace({ file: findings.file, line: findings.placeOf(node.start).line });
    const common = { where, ...(token !== undefined && { token }), ...(hosts !== undefined && { hosts }) };
    const ofCloud = {
      google: (): GoogleIdentity => ({
        ...common,
        cloud: "google",
        ...(keyFile !== undefined && { keyFile }),
        ...(provider !== undefined && { provider }),
        ...(serviceAccount !== undefined && { serviceAccount }),
      }),
      aws: (): AwsIdentity => ({
        ...common,
        cloud: "aws",
        ...(role !== undefined && { role }),
        ...(region !== undefined && { region }),
      }),
      azure: (): AzureIdentity => ({
        ...common,
        cloud: "azure",
        ...(tenant !== undefined && { tenant }),
        ...(client !== undefined && { client }),
      }),
    };
    return ofCloud[cloud]();
  });
}

function refuseOthersKeys({ known, value }: Fields, node: YamlNode, { findings }: ReadContext): void {
  const cloud = value("cloud");
  if (cloud?.kind !== "scalar") return;
  for (const [other, keys] of Object.entries(keysOf)) {
    if (other === cloud.value) continue;
    for (const key of keys) {
      const entry = known.get(key);
      if (entry !== undefined) {
        findings.report("invalid-value", entry.key.start, `${key} is for the cloud ${other} alone`);
      }
    }
  }
  const has = (key: string): boolean => known.has(key);
  const fault =
    cloud.value === "google" && has("provider") !== has("token")
      ? "provider and token need each other"
      : cloud.value === "google" && has("provider") && has("keyFile")
        ? "keyFile has a provider of its own: keep one of them"
        : cloud.value === "aws" && has("token") && !has("role")
          ? "token needs the role beside it that it is shown for"
          : undefined;
  if (fault !== undefined) findings.report("invalid-value", node.start, fault);
}

/** Where a token is that a CI system or a cluster gives to this process. */
export function subject(folder: string): Shape<SubjectPlace> {
  const usual = made(word(["github"]), (): SubjectPlace => ({ github: { audience: undefined } }));
  const place = mapping(
    "a token",
    {
      github: described(text(), "GitHub Actions is asked for a token for this audience."),
      file: filePath(folder, "File that holds the token alone; it is read anew each time."),
      variable: textLike(
        /^[A-Za-z_][A-Za-z0-9_]*$/,
        { fault: "expected the name of an environment variable" },
        "Environment variable that holds the token, such as one of GitLab's id_tokens.",
      ),
    },
    {
      check: ({ known }, node, { findings }) => {
        if (known.size === 1) return;
        findings.report("invalid-value", node.start, "expected exactly one of: github, file, variable");
      },
    },
  );
  const named = made(
    place,
    ({ github, ...rest }): SubjectPlace => (github === undefined ? rest : { github: { audience: github } }),
  );
  return either(usual, named);
}
