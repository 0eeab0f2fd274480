import { printable } from "../diagnostics/index.ts";
import { isHost, repositoryFault } from "../oci/index.ts";
import { type Fields, readFields } from "../schema/index.ts";
import { isNullScalar, readBoolean, type YamlNode } from "../yaml/index.ts";
import { type ManifestFindings, readName } from "./findings.ts";
import type { ProvenancePolicy, RegistryEntry } from "./model.ts";

/** The `registries` of a promoter manifest: where images come from, and where they go. */
export interface RegistryList {
  readonly source: RegistryEntry;
  readonly destinations: readonly RegistryEntry[];
  /** The policy that stands beside them. */
  readonly provenance?: ProvenancePolicy | undefined;
}

/** One item of the list, as far as it could be understood. */
interface Item {
  /** Absent when anything is wrong with the item: half a registry is not promoted to. */
  readonly entry: RegistryEntry | undefined;
  readonly isSource: boolean;
  /** Something about `src` is wrong, so that the item may have been meant as the source. */
  readonly isDoubtful: boolean;
  readonly start: number;
}

/**
 * Reads the list of registries. An item with any fault is left out whole; without exactly one sound source there is
 * no list, because a project must not promote from a place that was guessed.
 */
export function readRegistryList(node: YamlNode, findings: ManifestFindings): RegistryList | undefined {
  if (isNullScalar(node) || (node.kind === "sequence" && node.items.length === 0)) {
    reportNoRegistries(node.start, findings);
    return undefined;
  }
  if (node.kind !== "sequence") {
    findings.report("wrong-type", node.start, "registries must be a list");
    return undefined;
  }
  const items = node.items.map((item) => readItem(item, findings));
  const source = soleSource(items, node.start, findings);
  if (source === undefined) return undefined;
  const destinations = readDestinations(items, source, findings);
  if (items.length === 1) {
    findings.report(
      "no-destinations",
      node.start,
      `nothing is promoted: ${source.name} is the only registry`,
    );
  }
  return { source, destinations };
}

/** Says that `registries` is missing or empty, in the words of the incumbents. */
export function reportNoRegistries(offset: number, findings: ManifestFindings): void {
  findings.report(
    "no-registries",
    offset,
    "'registries' field cannot be empty",
    "list the staging registry with src: true, and the production registries",
  );
}

function readItem(node: YamlNode, findings: ManifestFindings): Item {
  const nothing = { entry: undefined, isSource: false, isDoubtful: false, start: node.start };
  if (node.kind !== "mapping") {
    findings.report("wrong-type", node.start, "a registry must have a name: - name: HOST/PATH");
    return nothing;
  }
  const fields = readFields(
    node,
    { known: ["name", "src", "service-account"], what: "a registry", advice: adviceOnKeys },
    findings,
  );
  const name = registryName(fields, node.start, findings);
  const src = readSource(fields, findings);
  const account = readServiceAccount(fields, findings);
  const isSound = fields.clean && account !== faulty;
  return {
    entry:
      name === undefined || src === undefined || !isSound
        ? undefined
        : { name, serviceAccount: account, at: findings.placeOf(node.start) },
    isSource: src === true,
    isDoubtful: src === undefined || fields.misspelt.has("src") || fields.repeated.has("src"),
    start: node.start,
  };
}

function adviceOnKeys(key: string): string | undefined {
  if (key !== "token") return undefined;
  return "a manifest holds no credentials; registries are logged in to with the tools of their kind";
}

function registryName(fields: Fields, start: number, findings: ManifestFindings): string | undefined {
  const node = readName(fields, start, findings, { what: "a registry", list: "registries" });
  if (node === undefined) return undefined;
  const fault = isHost(node.value) ? undefined : repositoryFault(node.value);
  if (fault === undefined) return node.value;
  // What stands before an @ may be a password.
  const shown = printable(node.value.replace(/^.*@/s, "…@"));
  findings.report("invalid-registry", node.start, `invalid registry: ${shown} (${fault})`);
  return undefined;
}

/** Whether the item is the source; `undefined` when that cannot be told. */
function readSource(fields: Fields, findings: ManifestFindings): boolean | undefined {
  const node = fields.value("src");
  if (node === undefined) return false;
  const src = readBoolean(node);
  if (src === undefined) {
    findings.report("wrong-type", node.start, "src must be true or false", "write src: true, without quotes");
  }
  return src;
}

const faulty = Symbol("faulty");

function readServiceAccount(fields: Fields, findings: ManifestFindings): string | undefined | typeof faulty {
  const node = fields.value("service-account");
  if (node === undefined || isNullScalar(node)) return undefined;
  if (node.kind === "scalar") return node.value;
  findings.report("wrong-type", node.start, "service-account must be text");
  return faulty;
}

function soleSource(
  items: readonly Item[],
  start: number,
  findings: ManifestFindings,
): RegistryEntry | undefined {
  const [first, ...others] = items.filter(({ isSource }) => isSource);
  for (const other of others) {
    findings.report(
      "several-sources",
      other.start,
      "cannot have more than 1 source registry",
      "a manifest with two sources is not promoted at all; make a project of each",
      findings.related(first?.start ?? start, "here is the first source"),
    );
  }
  if (first === undefined && !items.some(({ isDoubtful }) => isDoubtful)) {
    findings.report(
      "no-source",
      start,
      "source registry must be set",
      "write src: true below the name of the staging registry",
    );
  }
  return others.length === 0 ? first?.entry : undefined;
}

function readDestinations(
  items: readonly Item[],
  source: RegistryEntry,
  findings: ManifestFindings,
): readonly RegistryEntry[] {
  const destinations = new Map<string, { entry: RegistryEntry; start: number }>();
  for (const { entry, isSource, start } of items) {
    if (entry === undefined || isSource) continue;
    const known = destinations.get(entry.name);
    if (entry.name === source.name) {
      findings.report(
        "destination-is-source",
        start,
        `${entry.name} is both source and destination`,
        "leave the destination out: nothing can be promoted from a place to itself",
      );
    } else if (known !== undefined) {
      findings.report(
        "duplicate-registry",
        start,
        `the registry ${entry.name} is listed twice`,
        "it counts once; was another registry meant?",
        findings.related(known.start, "here it is listed first"),
      );
    } else destinations.set(entry.name, { entry, start });
  }
  return [...destinations.values()].map(({ entry }) => entry);
}
