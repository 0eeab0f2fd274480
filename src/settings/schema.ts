import { formatPlace } from "../diagnostics/index.ts";
import type { ForgeSettings } from "../forge/index.ts";
import { isHost, prefixFault } from "../oci/index.ts";
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
  type ValueFault,
  word,
} from "../schema/index.ts";
import type { YamlNode } from "../yaml/index.ts";
import { identities } from "./identities.ts";
import { folderPrefix } from "./locate.ts";
import type { DestinationSet, DestinationTemplate } from "./model.ts";
import {
  type CredentialRule,
  defaultSettings,
  type HostSettings,
  type Location,
  type ReleaseCut,
  type ReleaseProfile,
  type RunSettings,
  type Settings,
} from "./model.ts";
import { secretManagers, secretReference } from "./secrets.ts";
import { type SectionShapes, serve } from "./serve.ts";
import {
  folderTemplateFault,
  registryTemplateFault,
  sourceTemplateFault,
  tagTemplateFault,
} from "./templates.ts";
import { trust } from "./trust.ts";
import { byteSize, count, filePath, flag, nameFault, rate, readPath, textLike, textValue } from "./values.ts";

/** What may stand in a `waybill.yaml` whose file is in `folder`; paths come out absolute. @param shapes As {@link serve} has them. */
export function settingsShape(folder: string, shapes?: SectionShapes): Shape<Settings> {
  const sections = mapping(
    "waybill.yaml",
    {
      hosts: hosts(folder),
      locations: locations(folder),
      credentials: credentials(folder),
      identities: identities(folder),
      secretManagers: secretManagers(folder),
      forges: forges(folder),
      releases: releases(),
      destinations: destinations(),
      runs: runs(folder),
      serve: serve(folder, credentials(folder), shapes),
      trust: trust(folder),
    },
    { skipsEmpty: true },
  );
  const title = "waybill.yaml";
  const description = "Settings of Waybill that outlive a command line.";
  return {
    ...made(sections, (written) => ({ ...defaultSettings, ...written })),
    editor: { title, description, ...sections.editor },
  };
}

/** The JSON Schema of `waybill.yaml` for editors: what `waybill.schema.json` of the package holds. */
export function settingsJsonSchema(): object {
  return { $schema: "https://json-schema.org/draft/2020-12/schema", ...settingsShape("/").editor };
}

function hosts(folder: string): Shape<Settings["hosts"]> {
  return described(byHost(host(folder)), "How to talk to a registry, by its host or host:port.");
}

/** Entries by host: a name that is none is told at its key. */
function byHost<Entry>(entry: Shape<Entry>): Shape<Readonly<Record<string, Entry>>> {
  return record(entry, (name) => (isHost(name) ? undefined : hostFault(name)));
}

function hostFault(name: string): ValueFault {
  if (isHost(name.toLowerCase())) return { fault: "a registry host is written in lower case" };
  if (name.includes("@")) return { fault: "a user or password has no place in a host" };
  if (name.includes("/")) {
    return {
      fault: "expected a host without scheme or path",
      hint: "such as registry.example.com or localhost:5000",
    };
  }
  return {
    fault: `${JSON.stringify(name)} is no registry host`,
    hint: "it needs a dot or a port, or be localhost",
  };
}

function host(folder: string): Shape<HostSettings> {
  const tls = described(
    mapping(
      "tls",
      {
        ca: filePath(folder, "PEM file of certificate authorities that are trusted beside the system's."),
        cert: filePath(folder, "PEM file of a client certificate; needs key."),
        key: filePath(folder, "PEM file of the client certificate's private key; needs cert."),
        insecure: flag(
          "Accept any certificate. Every plan shows a warning: whoever answers gets the credentials.",
        ),
      },
      {
        check: ({ known }, _, { findings }) => {
          const [cert, key] = [known.get("cert"), known.get("key")];
          const alone = cert === undefined ? key : key === undefined ? cert : undefined;
          if (alone === undefined) return;
          const message = cert === undefined ? "key needs cert beside it" : "cert needs key beside it";
          findings.report("missing-key", alone.key.start, message);
        },
      },
    ),
    "How to trust the registry, and how it trusts us.",
  );
  const written = mapping(
    "a host",
    {
      http: flag("Speak plain HTTP. Loopback addresses need no such leave."),
      tls,
      concurrency: count(1, 1000, "Requests at the same time, at most; 64 by default."),
      requestsPerSecond: rate(100_000, "Requests in a second that the host allows; may have decimals."),
      retries: count(0, 20, "Attempts after the first one; 5 by default."),
      chunkSize: byteSize(
        2 ** 16,
        2 ** 30,
        "Upload blobs in chunks of this size: 16MiB, 500KB, 5242880; 64KiB to 1GiB.",
      ),
      upload: described(
        word(["whole", "one-patch"]),
        "Send a blob in the PUT that ends its upload, or in one PATCH before it.",
      ),
      tokenOrigins: described(
        list(origin("An origin, such as https://auth.example.com.")),
        "Other origins that may issue tokens for this host, and so see its credentials.",
      ),
      allowPrivateAddresses: flag("Follow this registry's redirects to private and link-local addresses."),
    },
    { check: refuseTlsOfHttp },
  );
  return made(written, ({ chunkSize, ...entry }) =>
    chunkSize === undefined ? entry : { ...entry, chunkBytes: chunkSize },
  );
}

function refuseTlsOfHttp({ known, value }: Fields, _: YamlNode, { findings }: ReadContext): void {
  const http = value("http");
  const tls = known.get("tls");
  if (http?.kind !== "scalar" || http.value !== "true" || tls === undefined) return;
  findings.report("invalid-value", tls.key.start, "plain HTTP knows no TLS", "remove http: true or tls");
}

function origin(description: string): Shape<string> {
  return text(
    (text) => {
      const url = URL.canParse(text) ? new URL(text) : undefined;
      if (url !== undefined && /^https?:$/.test(url.protocol) && url.origin === text) return undefined;
      return {
        fault: "expected an origin without user, path or trailing slash",
        hint: "such as https://auth.example.com",
      };
    },
    { type: "string", pattern: "^https?://[^/@?#]+$", description },
  );
}

function locations(folder: string): Shape<readonly Location[]> {
  const location = mapping("a location", {
    repository: required(
      prefix(
        "A host, or a host and a path: all repositories below it, by whole path segments, are elsewhere.",
      ),
    ),
    at: required(
      textValue((text) => readPlace(folder, text), {
        type: "string",
        minLength: 1,
        description: "Another prefix, or oci: and a folder: one image layout for each repository below it.",
      }),
    ),
  });
  return described(byPrefix(location), "Where repositories really are; the longest prefix decides.");
}

function readPlace(folder: string, text: string): { readonly value: string } | ValueFault {
  if (text.startsWith(folderPrefix)) {
    const path = readPath(folder, text.slice(folderPrefix.length));
    return "fault" in path ? path : { value: `${folderPrefix}${path.value}` };
  }
  if (/^[./~]/.test(text)) {
    return { fault: `a folder is written with ${folderPrefix} before it`, hint: "such as oci:/mnt/usb" };
  }
  const fault = prefixFault(text);
  return fault === undefined ? { value: text } : { fault };
}

function credentials(folder: string): Shape<readonly CredentialRule[]> {
  const rule = mapping(
    "a credential",
    {
      repository: required(
        text(rulePrefixFault, {
          type: "string",
          minLength: 1,
          description:
            "The host, or the host and a path, that the credential is for; *.example.com for all below.",
        }),
      ),
      username: name("User name; needs passwordFile, passwordEnv or passwordFrom."),
      passwordFile: filePath(folder, "File that holds the password alone."),
      passwordEnv: textLike(
        /^[A-Za-z_][A-Za-z0-9_]*$/,
        { fault: "expected the name of an environment variable" },
        "Environment variable that holds the password.",
      ),
      passwordFrom: secretReference,
      helper: textLike(
        /^[A-Za-z0-9_.-]+$/,
        {
          fault: "expected the name of a Docker credential helper",
          hint: "without docker-credential-, such as ecr-login",
        },
        "Docker credential helper, without docker-credential-.",
      ),
      identity: text(nameFault("an identity"), {
        type: "string",
        pattern: "^[a-z0-9][a-z0-9.-]{0,63}$",
        description: "One of identities, or google, aws or azure: who Waybill is at that cloud.",
      }),
      anonymous: textValue(
        (text) =>
          text === "true" ? { value: true } : { fault: "expected true; leave the line out otherwise" },
        { type: "boolean", const: true, description: "Use no credential, whatever other files hold." },
      ),
    },
    {
      check: (fields, node, { findings }) => {
        const fault = ruleFault(fields);
        if (fault !== undefined) findings.report("invalid-value", node.start, fault);
      },
      advice: (key) =>
        /pass|secret|token|auth|credential/i.test(key)
          ? "no secret may stand in this file: keep it in a file and name that with passwordFile, or in a variable and name that with passwordEnv"
          : undefined,
    },
  );
  const located = made(
    rule,
    (values, node, { findings }): CredentialRule => ({
      ...values,
      where: formatPlace({ file: findings.file, line: findings.placeOf(node.start).line }),
    }),
  );
  return described(
    byPrefix(located),
    "Where credentials are kept; the longest prefix decides. Secrets never stand here.",
  );
}

const passwordKeys = ["passwordFile", "passwordEnv", "passwordFrom"];

/** A rule names exactly one way to a credential. */
function ruleFault({ known }: Fields): string | undefined {
  const ways = [
    known.has("username") || passwordKeys.some((key) => known.has(key)),
    known.has("helper"),
    known.has("identity"),
    known.has("anonymous"),
  ];
  if (ways.filter(Boolean).length !== 1) {
    return "expected exactly one of: username with a password, helper, identity, anonymous";
  }
  if (ways[0] !== true) return undefined;
  if (!known.has("username")) return "a password needs username beside it";
  if (passwordKeys.filter((key) => known.has(key)).length !== 1)
    return "username needs one of: passwordFile, passwordEnv, passwordFrom";
  return undefined;
}

/** What is wrong with the prefix of a rule, whose host may stand for all hosts below another. */
function rulePrefixFault(text: string): ValueFault | string | undefined {
  if (!text.startsWith("*.")) return prefixFault(text);
  if (/^\*(?:\.[a-z0-9-]+){2,}(?:\/|$)/.test(text)) return prefixFault(text.slice(2));
  return { fault: "hosts are left open below two names at least", hint: "such as *.azurecr.io" };
}

function forges(folder: string): Shape<ForgeSettings> {
  const app = mapping("an app", {
    id: required(
      textLike(
        /^[A-Za-z0-9._-]{1,100}$/,
        {
          fault: "expected the id of an app",
          hint: "its client id, or its number, in quotation marks or not",
        },
        "The client id of the app, or its number.",
      ),
    ),
    privateKeyFile: required(filePath(folder, "PEM file of its private key, which nobody else can read.")),
  });
  const variable = textLike(
    /^[A-Za-z_][A-Za-z0-9_]*$/,
    { fault: "expected the name of an environment variable" },
    "Environment variable that holds that token.",
  );
  const forge = mapping(
    "a forge",
    {
      kind: described(word(["github", "gitlab", "gitea"]), "What the host is; Forgejo is gitea."),
      http: flag("Plain HTTP, and the token goes over it. Loopback addresses need no such leave."),
      tokenFrom: described(
        secretReference,
        "Where the token is, before any other place: MANAGER:PATH#FIELD, file:PATH or env:NAME.",
      ),
      app: described(app, "Waybill is this app of GitHub there, in place of a user with a token."),
      readingTokenFile: filePath(
        folder,
        "File that holds the token of runs that only read at the forge: all but proposals, and these in their shadow.",
      ),
      readingTokenEnv: variable,
    },
    {
      check: ({ known }, node, { findings }) => {
        const file = known.get("readingTokenFile");
        if (file !== undefined && known.has("readingTokenEnv"))
          findings.report(
            "invalid-value",
            file.key.start,
            "readingTokenEnv says it as well: keep one of them",
          );
        const kind = known.get("kind")?.value;
        const isOther = kind?.kind === "scalar" && kind.value !== "github";
        if (known.has("app") && isOther)
          findings.report("invalid-value", node.start, "apps are GitHub's: a forge of another kind has none");
      },
      advice: (key) =>
        /secret|token|key/i.test(key)
          ? "no secret may stand in this file: name the file that holds it"
          : undefined,
    },
  );
  const settled = made(forge, ({ readingTokenFile: file, readingTokenEnv: name, ...rest }) => ({
    ...rest,
    ...(file === undefined && name === undefined ? {} : { readingToken: { file, variable: name } }),
  }));
  return described(byHost(settled), "What forges are, and as whom they are asked, by host or host:port.");
}

function runs(folder: string): Shape<RunSettings> {
  const entry = mapping("runs", {
    record: flag("Record every run of promote, review, verify, merge and pr."),
    folder: filePath(
      folder,
      "Folder of the records, those of builds as well, where neither --data-dir nor $WAYBILL_DATA names one.",
    ),
  });
  return described(entry, "Records of what commands did.");
}

function releases(): Shape<Readonly<Record<string, ReleaseProfile>>> {
  const templates = (cut: string) =>
    described(
      list(
        text(tagTemplateFault, {
          type: "string",
          minLength: 1,
          description: "A tag, with {major}, {minor} and {patch} of the version, or such as {patch+1}.",
        }),
      ),
      `Tags that are promoted with ${cut}.`,
    );
  const words = {
    alpha: "an alpha, such as v1.30.0-alpha.2",
    beta: "a beta",
    "first-rc": "the release candidate 0 of a minor version, such as v1.30.0-rc.0",
    rc: "any other release candidate, such as v1.30.1-rc.0",
    stable: "a stable version, such as v1.30.0",
  } as const satisfies Record<ReleaseCut, string>;
  const profile = mapping("a profile", {
    alpha: templates(words.alpha),
    beta: templates(words.beta),
    "first-rc": templates(words["first-rc"]),
    rc: templates(words.rc),
    stable: templates(words.stable),
    separately: flag("Each tag has a pull request of its own."),
  });
  return described(
    record(profile, nameFault("a profile")),
    "What is promoted together when a version is cut, by the name of the profile.",
  );
}

function name(description: string): Shape<string> {
  return text(
    (text) => (/^[^:\p{Cc}]+$/u.test(text) ? undefined : { fault: "expected a name without a colon" }),
    { type: "string", pattern: "^[^:]+$", description },
  );
}

function prefix(description: string): Shape<string> {
  return text(prefixFault, { type: "string", minLength: 1, description });
}

/** A list whose items have a prefix each, no two the same. */
function byPrefix<Item>(item: Shape<Item>): Shape<readonly Item[]> {
  return made(list(item), (items, node, { findings }) => {
    const seen = new Map<string, number>();
    for (const [index, child] of (node.kind === "sequence" ? node.items : []).entries()) {
      const written =
        child.kind === "mapping"
          ? child.entries.find(({ key }) => key.value === "repository")?.value
          : undefined;
      if (written?.kind !== "scalar") continue;
      const first = seen.get(written.value);
      if (first === undefined) seen.set(written.value, index + 1);
      else {
        const message = `this prefix has an entry already, number ${first} of the list`;
        findings.report("duplicate-key", written.start, message);
      }
    }
    return items;
  });
}

/** The section `destinations`: sets of registries by name, each a list, or a mapping that has one. */
export function destinations(): Shape<Readonly<Record<string, DestinationSet>>> {
  const registries = described(
    list(destination(), { min: 1, what: "a list" }),
    "Production registries: texts, or mappings with name and serviceAccount. A set that is a list has these alone.",
  );
  const set = mapping("a set of destinations", {
    registries: required(registries),
    source: template(
      sourceTemplateFault,
      "The staging registry of a project, such as gcr.io/k8s-staging-{name}; without it, --source names it.",
    ),
    folder: template(
      folderTemplateFault,
      "The folder of a project below images/ and manifests/; without it, its short name.",
    ),
  });
  const alone = made(registries, (all): DestinationSet => ({ registries: all }));
  return described(
    record(either(alone, set), nameFault("a set")),
    "Where new projects are promoted to, by the name of the set.",
  );
}

function destination(): Shape<DestinationTemplate> {
  const name = template(
    registryTemplateFault,
    "Host and path, {name} standing for the short name of a project: us.gcr.io/k8s-artifacts-prod/{name}.",
  );
  const serviceAccount = textLike(
    /^[A-Za-z0-9][A-Za-z0-9._+-]*@[A-Za-z0-9][A-Za-z0-9.-]*$/,
    { fault: "expected the address of a service account" },
    "Whom cip and kpromo write there as; Waybill uses credentials instead.",
  );
  return either(
    made(name, (written): DestinationTemplate => ({ name: written })),
    mapping("a registry", { name: required(name), serviceAccount }),
  );
}

function template(faultOf: (text: string) => ValueFault | undefined, description: string): Shape<string> {
  return text(faultOf, { type: "string", minLength: 1, description });
}
