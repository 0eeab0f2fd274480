import { posix } from "node:path";
import { prefixFault } from "../../oci/index.ts";
import { repositoryName } from "../repository-url.ts";
import { pathFault } from "../shape.ts";
import type { JobWork } from "../work.ts";
import { NotImportable, type ProwFields } from "./fields.ts";
import type { ProwJobKind } from "./job.ts";
import { isOn, type PromoterLine, readPromoterLine } from "./promoter-line.ts";

/** A word of a container's command line, and where it stands. */
export interface ProwWord {
  readonly word: string;
  readonly path: readonly (string | number)[];
}

/** A job that runs the promoter, and where its checkout is. */
export interface PromoterJob {
  readonly kind: ProwJobKind;
  /** All words behind the name of the image: of `command`, then of `args`. */
  readonly words: readonly ProwWord[];
  /** URL of the repository that is checked out. */
  readonly repo: string;
  /** Where Prow checks it out, below `/home/prow/go/src`, where the job says it. */
  readonly alias: string | undefined;
}

/** Whether an image is that of the promoter. */
export function isPromoter(image: string): boolean {
  return /(?:^|\/)(?:cip|kpromo)(?:[:@]|$)/.test(image);
}

/**
 * What a job does that runs `cip`, or `kpromo cip`: a presubmit reviews; a postsubmit or periodic promotes where it writes, and otherwise
 * is a dry run, of a periodic a verification.
 * @throws {NotImportable}
 */
export function workOfPromoter(fields: ProwFields, image: string, job: PromoterJob): JobWork {
  const { first, words } = lineOf(fields, image, job.words);
  const line = readPromoterLine(words.map(({ word }) => word));
  if (typeof line === "string") throw new NotImportable(line);
  for (const index of line.taken) take(fields, words[index]);
  for (const [index, { flag, why, isHarmless }] of line.ignored) {
    const path = words[index]?.path ?? [];
    if (job.kind === "presubmit" && flag === "use-prow-manifest-diff")
      fields.drop("a review judges what the pull request changes", ...path);
    else if (isHarmless) fields.drop(`--${flag}: ${why}`, ...path);
    else fields.ignore(`--${flag}: ${why}`, ...path);
  }
  for (const word of first) take(fields, word);
  const snapshot = line.values.get("snapshot");
  if (snapshot !== undefined) return workOfSnapshot(snapshot.value, line, job);
  return workOfManifests(fields, line, words, job);
}

/** The words behind the program's own name, and behind what kpromo is to do. */
function lineOf(
  fields: ProwFields,
  image: string,
  all: readonly ProwWord[],
): { readonly first: readonly ProwWord[]; readonly words: readonly ProwWord[] } {
  const isName = (word: ProwWord | undefined): boolean => /^(?:.*\/)?(?:cip|kpromo)$/.test(word?.word ?? "");
  const isKpromo = (word: string): boolean => /(?:^|\/)kpromo(?:[:@]|$)/.test(word);
  const name = fields.at("spec", "containers", 0, "command") !== undefined ? all[0] : undefined;
  if (name !== undefined && !isName(name))
    throw new NotImportable(`it does not run the promoter but ${JSON.stringify(name.word.slice(0, 200))}`);
  let begin = name === undefined ? 0 : 1;
  if (isKpromo(name?.word ?? image)) {
    const verb = all[begin]?.word ?? "nothing";
    if (verb !== "cip") throw new NotImportable(`kpromo ${verb.slice(0, 80)}: ${otherVerbs(verb)}`);
    begin += 1;
  } else if (all[begin]?.word === "run") begin += 1;
  else if (all[begin]?.word === "audit") throw new NotImportable("it is the auditor, which is a server");
  return { first: all.slice(0, begin), words: all.slice(begin) };
}

function otherVerbs(verb: string): string {
  switch (verb) {
    case "run":
      return "files are promoted by nothing here, images are";
    case "sigcheck":
    case "replicate-signatures":
      return "Waybill neither makes nor checks signatures";
    default:
      return "it promotes no images";
  }
}

function take(fields: ProwFields, word: ProwWord | undefined): void {
  if (word !== undefined) fields.take(...word.path);
}

function workOfSnapshot(registry: string, line: PromoterLine, { kind }: PromoterJob): JobWork {
  const fault = prefixFault(registry);
  if (fault !== undefined) throw new NotImportable(`--snapshot: ${fault}`);
  if (kind === "presubmit")
    throw new NotImportable("it lists a registry, which does not depend on what is proposed");
  const format = (line.values.get("output") ?? line.values.get("output-format"))?.value.toLowerCase();
  const minimal = isOn(line, "minimal-snapshot") === true ? true : undefined;
  const artifact = format === "csv" ? "snapshot.csv" : undefined;
  return { kind: "snapshot", snapshot: { registry, minimal, artifact } };
}

function workOfManifests(
  fields: ProwFields,
  line: PromoterLine,
  words: readonly ProwWord[],
  job: PromoterJob,
): JobWork {
  const named = line.values.get("manifest") ?? line.values.get("thin-manifest-dir");
  if (named === undefined || named.value === "")
    throw new NotImportable("it names no manifests: neither --thin-manifest-dir nor --manifest");
  const manifests = inCheckout(named.value, job);
  const dryRun = isOn(line, "dry-run");
  const writes = dryRun !== true && (isOn(line, "confirm") ?? dryRun === false);
  const at = words[named.word]?.path ?? [];
  if (job.kind === "presubmit") {
    if (writes) throw new NotImportable("it writes to production what is not merged");
    return { kind: "review", review: { manifests } };
  }
  if (writes) return { kind: "promote", promote: { manifests } };
  if (isOn(line, "parse-only") === true)
    fields.change("it only parsed the manifests; here production is looked at as well", ...at);
  if (job.kind === "postsubmit") return { kind: "promote", promote: { manifests, dryRun: true } };
  fields.change("it is a verification here: it fails when production lacks what is asked for", ...at);
  return { kind: "verify", verify: { manifests } };
}

/** A path of Prow's checkout as one of the repository. */
function inCheckout(text: string, { repo, alias }: PromoterJob): string {
  const own = alias ?? repositoryName(repo)?.link?.replace(/^https?:\/\//, "");
  const [, below] = /^\/home\/prow\/go\/src\/(.*)$/.exec(text) ?? [];
  let path = text;
  if (below !== undefined) {
    if (own === undefined || (below !== own && !below.startsWith(`${own}/`)))
      throw new NotImportable(
        `the manifests are not in the repository that starts it: ${text.slice(0, 200)}`,
      );
    path = below.slice(own.length + 1);
  }
  const relative = posix.normalize(path === "" ? "." : path).replace(/(?<=.)\/+$/, "");
  const fault = pathFault(relative);
  if (fault !== undefined)
    throw new NotImportable(`the manifests are at ${JSON.stringify(text.slice(0, 200))}: ${fault}`);
  return relative;
}
