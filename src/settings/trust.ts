import { placeIn } from "../diagnostics/index.ts";
import {
  described,
  either,
  list,
  made,
  mapping,
  record,
  required,
  type Shape,
  text,
  word,
} from "../schema/index.ts";
import type { YamlNode } from "../yaml/index.ts";
import { secretSetting } from "./secrets.ts";
import { identityTemplateFault } from "./templates.ts";
import type {
  KeylessSettings,
  SignerSettings,
  SigningRule,
  TravelSetting,
  TrustSettings,
} from "./trust-model.ts";
import { filePath, flag, nameFault, textLike } from "./values.ts";

/** The section `trust`. */
export function trust(folder: string): Shape<TrustSettings> {
  const entry = mapping(
    "trust",
    {
      trustedRoot: filePath(folder, "trusted_root.json: authorities and logs of keyless signatures."),
      keys: described(
        record(filePath(folder, "PEM file of a public key."), nameFault("a key")),
        "Public keys that signatures are verified with, by name.",
      ),
      policy: filePath(folder, "policy.yaml that holds beside that of the manifests."),
      travel: described(
        travel,
        "What travels with images, in place of what a policy accepts, or of all where none stands.",
      ),
      projects: described(
        record(travel, projectFault),
        "What travels with the images of a project, by its name.",
      ),
      signers: described(record(signer(folder), nameFault("a signer")), "Who signs, by name."),
      sign: described(
        list(signingRule),
        "What promotion signs: for each destination the first rule that names it.",
      ),
      builds: text(undefined, {
        type: "string",
        description: "One of the signers: signs the provenance of what is built.",
      }),
    },
    {
      skipsEmpty: true,
      check: ({ value }, _, { findings }) => {
        const known = new Set<string>();
        const signers = value("signers");
        if (signers?.kind === "mapping") for (const { key } of signers.entries) known.add(key.value);
        const refuseUnknown = (named: YamlNode) => {
          if (named.kind !== "scalar" || known.has(named.value)) return;
          findings.report("invalid-value", named.start, `${named.value} is no name among the signers`);
        };
        const builder = value("builds");
        if (builder !== undefined) refuseUnknown(builder);
        const rules = value("sign");
        for (const rule of rules?.kind === "sequence" ? rules.items : []) {
          if (rule.kind !== "mapping") continue;
          for (const { key, value: named } of rule.entries) {
            if (key.value === "signer" || key.value === "summary") refuseUnknown(named);
          }
        }
      },
    },
  );
  return described(entry, "Whom to believe, what travels with images, and who signs them.");
}

const kinds = ["signatures", "attestations", "sboms", "others"] as const;

const travel: Shape<TravelSetting> = either(
  word(["accepted", "all", "none"]),
  list(word(kinds), { min: 1, what: "a list" }),
);

function projectFault(name: string) {
  return name !== "" && !/\p{Cc}/u.test(name) ? undefined : { fault: "expected the name of a project" };
}

function signer(folder: string): Shape<SignerSettings> {
  const token: Shape<KeylessSettings["token"]> = either(
    word(["github", "gitlab", "google"]),
    mapping(
      "a token",
      {
        file: filePath(folder, "File that holds the token alone."),
        variable: textLike(
          /^[A-Za-z_][A-Za-z0-9_]*$/,
          { fault: "expected the name of an environment variable" },
          "Environment variable that holds the token.",
        ),
        googleAccount: textLike(
          /^[^@\s]+@[^@\s]+$/,
          {
            fault: "expected the address of a service account",
            hint: "NAME@PROJECT.iam.gserviceaccount.com",
          },
          "Service account of Google's that this process may act as.",
        ),
      },
      {
        check: ({ known }, node, { findings }) => {
          if (known.size !== 1)
            findings.report(
              "invalid-value",
              node.start,
              "expected exactly one of: file, variable, googleAccount",
            );
        },
      },
    ) as Shape<KeylessSettings["token"] & object>,
  );
  return mapping(
    "a signer",
    {
      key: filePath(folder, "File of a private key: cosign's encrypted form, or PKCS#8."),
      password: described(secretSetting(folder), "Where its password is; COSIGN_PASSWORD without it."),
      kms: textLike(
        /^[a-z0-9]+:\/\/\S+$/,
        { fault: "expected NAME://KEY", hint: "the program sigstore-kms-NAME is asked for it" },
        "A key of a key service, for its plugin: NAME://KEY.",
      ),
      keyless: described(
        mapping(
          "keyless",
          {
            token: required(
              described(
                token,
                "Where the token comes from: github, gitlab, google, a file, a variable or an account.",
              ),
            ),
            audience: text(undefined, {
              type: "string",
              description: "Whom the token is for: sigstore by default.",
            }),
            identity: text(undefined, {
              type: "string",
              description: "Whose the certificates are, so that plans need no token.",
            }),
            issuer: text(undefined, {
              type: "string",
              description: "The URL of who says that it is this identity.",
            }),
          },
          {
            check: ({ known }, node, { findings }) => {
              if (known.has("identity") !== known.has("issuer"))
                findings.report("missing-key", node.start, "identity and issuer go together");
            },
          },
        ),
        "Certificates of some minutes, for the identity that a token proves.",
      ),
      signingConfig: filePath(
        folder,
        "signing_config.json: authorities, logs and timestamp authorities to use.",
      ),
    },
    {
      check: ({ known }, node, { findings }) => {
        const ways = ["key", "kms", "keyless"].filter((way) => known.has(way));
        if (ways.length !== 1)
          findings.report("invalid-value", node.start, "expected exactly one of: key, kms, keyless");
        if (known.has("keyless") && !known.has("signingConfig"))
          findings.report("missing-key", node.start, "a keyless signer needs a signingConfig");
      },
      advice: (key) =>
        /secret|pass|token/i.test(key) ? "no secret may stand in this file: say where it is kept" : undefined,
    },
  );
}

const signingRule: Shape<SigningRule> = made(
  mapping("a rule", {
    images: described(list(text()), "Globs of production repositories; all when left out."),
    signer: required(text(undefined, { type: "string", description: "One of the signers." })),
    layout: described(word(["bundle", "legacy", "both"]), "How signatures are attached; bundle by default."),
    identity: text(identityTemplateFault, {
      type: "string",
      description: "The name of the image in signatures and records: {name}, {repository}.",
    }),
    platforms: flag("Sign, and summarize, each platform's image as well as the index."),
    record: flag("Attach a promotion record."),
    summary: text(undefined, {
      type: "string",
      description: "Attach a verification summary, signed by this one of the signers.",
    }),
  }),
  (rule, node, { findings }): SigningRule => {
    const entries = node.kind === "mapping" ? node.entries : [];
    const images = entries.find(({ key }) => key.value === "images")?.value;
    return { ...rule, at: placeIn(findings.file, findings.placeOf((images ?? node).start)) };
  },
);
