import { printable } from "../diagnostics/index.ts";
import { readFields } from "../schema/index.ts";
import { isNullScalar, type YamlNode } from "../yaml/index.ts";
import type { ManifestFindings } from "./findings.ts";
import type { PolicyBuilder, ProvenancePolicy } from "./model.ts";

/** The keys of `provenance`, as kpromo reads them since September 2026 (promoter/image/provenance/policy.go). */
const known = ["mode", "signers", "builders", "sources", "predicateTypes", "level"] as const;

/**
 * Reads the `provenance` of a promoter manifest. A policy with any fault is none: nobody knows what it would demand.
 * @returns `undefined` when anything is wrong, which has been reported then.
 */
export function readProvenancePolicy(
  node: YamlNode,
  findings: ManifestFindings,
): ProvenancePolicy | undefined {
  const reader = new PolicyReader(findings);
  const policy = reader.read(node);
  return reader.isSound ? policy : undefined;
}

class PolicyReader {
  isSound = true;
  readonly #findings: ManifestFindings;

  constructor(findings: ManifestFindings) {
    this.#findings = findings;
  }

  read(node: YamlNode): ProvenancePolicy | undefined {
    if (node.kind !== "mapping") return this.#fault(node, "provenance must say its mode", modeHint);
    const { value, clean } = readFields(node, { known, what: "provenance" }, this.#findings);
    if (!clean) this.isSound = false;
    const mode = this.#mode(value("mode"), node);
    const isOn = mode !== "off";
    const policy = {
      mode: mode ?? "require",
      at: this.#findings.placeOf(value("mode")?.start ?? node.start),
      signers: this.#texts(value("signers"), "signers", (text) => signerFault(text)),
      builders: this.#builders(value("builders")),
      sources: this.#texts(value("sources"), "sources", (text) =>
        text.includes("@")
          ? "a source is a repository without a revision: github.com/ORG/REPOSITORY"
          : undefined,
      ),
      predicateTypes: this.#texts(value("predicateTypes"), "predicateTypes"),
      ...this.#level(value("level"), 2),
    };
    for (const key of ["signers", "builders", "sources"] as const) {
      if (isOn && policy[key].length === 0 && this.isSound) {
        this.#fault(value(key) ?? node, `provenance needs ${key}, unless its mode is off`);
      }
    }
    return policy;
  }

  #mode(node: YamlNode | undefined, parent: YamlNode): ProvenancePolicy["mode"] | undefined {
    const text = node?.kind === "scalar" ? node.value : undefined;
    // YAML 1.1 reads a bare off as false; as a mode it can only mean what is written.
    if (text === "off" || text === "warn" || text === "require") return text;
    return this.#fault(node ?? parent, "the mode of provenance is off, warn or require", modeHint);
  }

  #builders(node: YamlNode | undefined): readonly PolicyBuilder[] {
    return this.#items(node, "builders").flatMap((item): PolicyBuilder[] => {
      if (item.kind !== "mapping") {
        this.#fault(item, "a builder has an id and a level", "write - id: URI and level: 3 below it");
        return [];
      }
      const rules = { known: ["id", "level", "signers"], what: "a builder" };
      const { value, clean } = readFields(item, rules, this.#findings);
      if (!clean) this.isSound = false;
      const id = this.#text(value("id"), item, "a builder needs an id");
      if (id === undefined) return [];
      const signers = this.#texts(value("signers"), "signers", (text) => signerFault(text));
      return [{ id, ...this.#level(value("level"), 1), ...(signers.length === 0 ? {} : { signers }) }];
    });
  }

  #level(node: YamlNode | undefined, least: 1 | 2): { readonly level?: 1 | 2 | 3 } {
    if (node === undefined || isNullScalar(node)) return {};
    const text = node.kind === "scalar" ? node.value : "";
    const level = ([1, 2, 3] as const).find((number) => number >= least && text === String(number));
    if (level !== undefined) return { level };
    this.#fault(node, `level is ${least === 1 ? "1, 2 or 3" : "2 or 3"}`);
    return {};
  }

  #texts(
    node: YamlNode | undefined,
    key: string,
    faultOf: (text: string) => string | undefined = () => undefined,
  ): readonly string[] {
    return this.#items(node, key).flatMap((item) => {
      const text = this.#text(item, item, `${key} are texts`);
      if (text === undefined) return [];
      const fault = faultOf(text);
      if (fault !== undefined) this.#fault(item, `invalid item of ${key}: ${printable(text)}`, fault);
      return [text];
    });
  }

  #text(node: YamlNode | undefined, parent: YamlNode, message: string): string | undefined {
    if (node?.kind === "scalar" && !isNullScalar(node) && node.value !== "") return node.value;
    return this.#fault(node ?? parent, message);
  }

  #items(node: YamlNode | undefined, key: string): readonly YamlNode[] {
    if (node === undefined || isNullScalar(node)) return [];
    if (node.kind === "sequence") return node.items;
    this.#fault(node, `${key} must be a list`);
    return [];
  }

  #fault({ start }: YamlNode, message: string, hint?: string): undefined {
    this.isSound = false;
    this.#findings.report("invalid-provenance", start, message, hint);
  }
}

const modeHint = "off demands nothing, warn tells, require promotes nothing without it";

/** `sigstore::ISSUER::IDENTITY`, both required; with `(identityMatch=regex)` both are expressions. */
function signerFault(text: string): string | undefined {
  const [method = "", issuer = "", ...identity] = text.split("::");
  if (/^sigstore(?:\(identityMatch=regex\))?$/.test(method) && issuer !== "" && identity.join("::") !== "") {
    return undefined;
  }
  return "a signer is sigstore::ISSUER::IDENTITY, or sigstore(identityMatch=regex)::ISSUER::IDENTITY";
}

/** What a policy demands, as text that does not depend on how or where it is written. */
export function policyMeaning(policy: ProvenancePolicy | undefined): string {
  if (policy === undefined) return "";
  const { at: _, ...demands } = policy;
  return JSON.stringify(demands);
}
