import * as z from "zod/mini";
import { UsageError } from "../failure.ts";
import {
  type Flag,
  type FlagValues,
  type Help,
  helpFlags,
  helpOf,
  readGoFlags,
  type Translation,
} from "./go-flags.ts";
import { logFlags, verbosityOf } from "./log-flags.ts";

const accounts = "credentials are found as Docker finds them, or named in waybill.yaml";
const signing = "Waybill signs what trust.sign of waybill.yaml says";
const account = "name a signer under trust.signers of waybill.yaml, with keyless.token.googleAccount";
const believed = "whose signatures are believed is for policies to say: provenance, or policy.yaml";
const summaries = "a rule of trust.sign of waybill.yaml asks for them, with summary: SIGNER";
const pace = "each service is asked at its own pace, beside copying";
const ignored = (kind: Flag["kind"], means: string, instead: string): Flag => ({ kind, means, instead });

const flags: Readonly<Record<string, Flag>> = {
  manifest: { kind: "text", means: "one plain manifest" },
  "thin-manifest-dir": { kind: "text", means: "directory of thin manifests" },
  confirm: { kind: "switch", means: "write to production" },
  "dry-run": { kind: "switch", means: "the default; -dry-run=false writes to production" },
  "parse-only": { kind: "switch", means: "only check the manifests" },
  snapshot: { kind: "text", means: "print what a registry holds" },
  "snapshot-tag": { kind: "text", means: "only images with this tag" },
  "minimal-snapshot": { kind: "switch", means: "leave out untagged children of indexes" },
  "manifest-based-snapshot-of": { kind: "text", means: "print what the manifests promote to a registry" },
  output: { kind: "text", means: "yaml or csv" },
  "output-format": { kind: "text", means: "an older name of --output" },
  "vuln-severity-threshold": { kind: "number", means: "refused: there is no vulnerability check yet" },
  version: { kind: "switch", means: "print the version" },
  ...helpFlags,
  "use-prow-manifest-diff": { kind: "switch", means: "only what the change asks for that Prow runs for" },
  "manifest-diff-since": { kind: "text", means: "only what changed since a date, as git log takes it" },
  threads: ignored(
    "number",
    "parallel requests",
    "they are bounded for each host, see concurrency in waybill.yaml",
  ),
  "json-log-summary": ignored(
    "switch",
    "a summary of errors as JSON",
    "use waybill promote --output json=FILE",
  ),
  "max-image-size": ignored("number", "largest image in MiB", "it has had no effect for years"),
  "key-files": ignored("text", "service account keys", accounts),
  "use-service-account": ignored("switch", "pass accounts on to gcloud", accounts),
  "no-service-account": ignored("switch", "pass no accounts on to gcloud", accounts),
  "snapshot-service-account": ignored("text", "account for --snapshot", accounts),
  sign: {
    kind: "switch",
    means: "sign promoted images as trust.sign of waybill.yaml says; --sign=false signs none",
  },
  "signer-account": ignored("text", "account to sign with", account),
  "certificate-identity": ignored("text", "identity in staging signatures", believed),
  "certificate-identity-regexp": ignored("text", "identity in staging signatures", believed),
  "certificate-oidc-issuer": ignored("text", "issuer in staging signatures", believed),
  "certificate-oidc-issuer-regexp": ignored("text", "issuer in staging signatures", believed),
  "max-signature-ops": ignored("number", "parallel signing", pace),
  "verification-summaries": ignored("switch", "sign verification summaries", summaries),
  "summary-signer-account": ignored("text", "account to sign summaries with", account),
  "max-signature-copies": ignored("number", "parallel signature copies", pace),
  ...logFlags,
};

/**
 * A line of `cip` (and of `kpromo cip`) as `waybill promote`, `check` or `registry snapshot`. Nothing is written unless the
 * line says `--confirm` or `-dry-run=false`: some builds of `cip run` wrote without either, which is not repeated.
 * @throws {UsageError} for lines that ask for something Waybill does not do; it never does less than was asked in silence.
 */
export function translateCip(
  line: readonly string[],
  program: "cip" | "kpromo cip",
  environment: NodeJS.ProcessEnv,
): Translation | Help {
  const values = readGoFlags(line, flags);
  const { switches, words } = values;
  if (switches.get("help") || switches.get("h")) {
    return { help: helpOf(program, "waybill promote, check or registry snapshot", flags) };
  }
  if (switches.get("version") || words[0] === "version") return { command: ["--version"], notices: [] };
  refuseOthers(values, program);
  const { command, notices } = actionOf(values, program, environment);
  return { command: [...command, ...verbosityOf(values.texts)], notices: [...values.notices, ...notices] };
}

function refuseOthers({ texts, words }: FlagValues, program: string): void {
  const others = program === "cip" ? words.filter((word) => word !== "run") : words;
  const [word] = others;
  if (word === "audit")
    throw new UsageError("Waybill has no auditor yet", "waybill verify compares registries");
  if (word !== undefined) {
    const boolean = ["true", "false"].includes(word);
    const hint = boolean ? `a switch takes its value with =, as in --dry-run=${word}` : undefined;
    throw new UsageError(`unexpected argument ${JSON.stringify(word)}`, hint);
  }
  if (Number(texts.get("vuln-severity-threshold") ?? -1) >= 0) {
    throw new UsageError(
      "Waybill has no vulnerability check yet",
      "this flag makes cip scan instead of promoting, so nothing was done; leave it out to promote",
    );
  }
}

function actionOf(values: FlagValues, program: string, environment: NodeJS.ProcessEnv): Translation {
  const { texts, switches } = values;
  const snapshot = texts.get("snapshot");
  const desired = texts.get("manifest-based-snapshot-of");
  if (desired) return snapshotOf(desired, values, ["--manifests", manifestsOf(texts).path, "--offline"]);
  if (snapshot) return snapshotOf(snapshot, values, []);
  const { path, notices } = manifestsOf(texts);
  if (switches.get("parse-only")) return { command: ["check", path], notices };
  const promotion = promotionOf(path, values, program, notices);
  const limit = limitOf(values, environment);
  return {
    command: [...promotion.command, ...limit.command],
    notices: [...promotion.notices, ...limit.notices],
  };
}

/** What a run is limited to: as in kpromo, Prow's change comes before a date, and a plain manifest is not limited. */
function limitOf({ texts, switches }: FlagValues, environment: NodeJS.ProcessEnv): Translation {
  const prow = switches.get("use-prow-manifest-diff") === true ? "--use-prow-manifest-diff" : undefined;
  const date = texts.get("manifest-diff-since");
  const flag = prow ?? (date ? "--manifest-diff-since" : undefined);
  if (flag === undefined) return { command: [], notices: [] };
  if (texts.get("manifest")) {
    return {
      command: [],
      notices: [`${flag} means nothing with --manifest, as for kpromo: all of it is planned`],
    };
  }
  if (prow === undefined) return { command: ["--since-date", date ?? ""], notices: [] };
  const notices = date ? ["--use-prow-manifest-diff wins over --manifest-diff-since"] : [];
  return { command: ["--base", revisionOfProw(environment)], notices };
}

function manifestsOf(texts: ReadonlyMap<string, string>): { path: string; notices: readonly string[] } {
  const plain = texts.get("manifest");
  const thin = texts.get("thin-manifest-dir");
  if (plain && thin) return { path: plain, notices: ["--manifest wins over --thin-manifest-dir"] };
  const path = plain || thin;
  if (path) return { path, notices: [] };
  throw new UsageError("either --manifest or --thin-manifest-dir is required");
}

function promotionOf(
  path: string,
  { switches }: FlagValues,
  program: string,
  notices: readonly string[],
): Translation {
  const dryRun = switches.get("dry-run");
  const confirmed = switches.get("confirm") ?? dryRun === false;
  if (!confirmed) return { command: ["promote", path], notices };
  if (dryRun === true) {
    return {
      command: ["promote", path],
      notices: [...notices, "--dry-run wins over --confirm: nothing is written"],
    };
  }
  const unsigned = program === "kpromo cip" ? switches.get("sign") !== false : switches.get("sign") === true;
  const sign = switches.get("sign") === false ? ["--no-sign"] : [];
  return {
    command: ["promote", path, "--confirm", ...sign],
    notices: unsigned ? [...notices, `kpromo signs what it promotes: ${signing}`] : notices,
  };
}

function snapshotOf(
  registry: string,
  { texts, switches }: FlagValues,
  manifests: readonly string[],
): Translation {
  const format = (texts.get("output") ?? texts.get("output-format") ?? "yaml").toLowerCase();
  if (format !== "yaml" && format !== "csv") {
    throw new UsageError(`invalid snapshot output format: ${format}`, "it is yaml or csv");
  }
  const tag = texts.get("snapshot-tag");
  const filters = [
    ...(tag ? ["--tag", tag] : []),
    ...(switches.get("minimal-snapshot") ? ["--minimal"] : []),
  ];
  return {
    command: ["registry", "snapshot", registry, "--format", format, ...filters, ...manifests],
    notices: [],
  };
}

const jobSpec = z.object({
  type: z.optional(z.string()),
  refs: z.optional(z.object({ base_sha: z.optional(z.string()) })),
});

/**
 * The revision that a job of Prow changes: what `kpromo cip --use-prow-manifest-diff` compares with. Prow gives its jobs
 * the type and the base commit in JOB_TYPE and PULL_BASE_SHA, and both once more in JOB_SPEC.
 * @throws {UsageError} outside of Prow, and for jobs that no change has started, as `kpromo` does.
 */
function revisionOfProw(environment: NodeJS.ProcessEnv): string {
  const spec = readSpec(environment.JOB_SPEC);
  const type = environment.JOB_TYPE || spec?.type;
  switch (type) {
    case "presubmit":
    case "batch": {
      const base = environment.PULL_BASE_SHA || spec?.refs?.base_sha;
      if (base) return base;
      throw new UsageError("--use-prow-manifest-diff needs PULL_BASE_SHA", outside);
    }
    case "postsubmit":
      return "HEAD^";
    case undefined:
      throw new UsageError("--use-prow-manifest-diff needs JOB_TYPE", outside);
    default:
      throw new UsageError(`unknown job type: ${type}`, "it is presubmit, batch or postsubmit");
  }
}

const outside = "Prow sets it; elsewhere, say: waybill promote TREE --base REVISION, or --changed";

function readSpec(text: string | undefined): z.infer<typeof jobSpec> | undefined {
  if (!text) return undefined;
  try {
    return jobSpec.parse(JSON.parse(text));
  } catch {
    throw new UsageError("JOB_SPEC is not what Prow writes", "it holds a JSON object with type and refs");
  }
}
