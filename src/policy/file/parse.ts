import { type Diagnostic, Findings, inOrder, type Place, placeIn, quoted } from "../../diagnostics/index.ts";
import { described, mapping, orEmpty, readDocument, required, type Shape, word } from "../../schema/index.ts";
import type { YamlMapping, YamlNode } from "../../yaml/index.ts";
import { isOver } from "../evaluate.ts";
import type { Demand, Policy, PolicyException, PolicyMode, PolicyScope, SignerPattern } from "../rule.ts";
import { policyCodes } from "./codes.ts";
import { demandFields, type KnownSigners, onlyDemand } from "./demand-shape.ts";
import { signersShape, type WrittenSigner } from "./signers.ts";
import { day, digest, glob, nameFault, some, words } from "./values.ts";

/** What a policy file says. */
export interface PolicyFile {
  /** In the order of the file. A rule with a fault is there as one that lets nothing pass. */
  readonly policies: readonly Policy[];
  /** Public keys that stand in the file, in PEM, by the names of their signers. */
  readonly keys: Readonly<Record<string, string>>;
  /** Files and folders that rules name, relative to the folder of the file. */
  readonly files: readonly string[];
  readonly diagnostics: readonly Diagnostic[];
}

/** What reading a policy file depends on beside the file. */
export interface PolicyFileContext {
  /** By which exceptions hold, or are over. */
  readonly now: Date;
  /** Fingerprints of public keys by the names of the settings; without it nobody has looked, and any name may be one. */
  readonly keys?: Readonly<Record<string, string>> | undefined;
}

type PolicyFindings = Findings<keyof typeof policyCodes>;

/** Rules, and exceptions, of one file. */
const maxEntries = 1000;
/** Diagnostics that are kept of one file. */
const maxDiagnostics = 1000;

/**
 * Reads a policy file. Nothing is thrown for what it says: all that is wrong is told with its place, and what cannot be used lets
 * nothing pass. A rule with a fault stops the images that it is about, a fault elsewhere all images; an exception with a fault
 * is none.
 * @param file names it in places.
 */
export function parsePolicyFile(text: string, file: string, context: PolicyFileContext): PolicyFile {
  const findings: PolicyFindings = new Findings(text, file, policyCodes, maxDiagnostics);
  const start: Place = { file, line: 1, column: 1 };
  const broken = (why: string): PolicyFile => ({
    policies: [brokenPolicy(start, why)],
    keys: {},
    files: [],
    diagnostics: findings.diagnostics,
  });
  const root = readDocument(findings, "write all rules in one document")?.root;
  if (findings.errors > 0) return broken("the file cannot be read");
  if (root === undefined || root === null) {
    findings.report(
      "missing-key",
      undefined,
      "rules is missing",
      "a policy that demands nothing has rules: []",
    );
    return broken("there is nothing in the file");
  }
  const top = sections(context).read(root, { findings, path: "" });
  if (top === undefined || findings.errors > 0) {
    // Who a signer is may be wrong without doubt about which rules there are.
    const isOfSigners = top !== undefined && onlySigners(root, context, findings.errors, text, file);
    if (!isOfSigners) return broken("what stands at the top of the file is wrong");
  }
  const { signers = {}, rules = [], exceptions = [] } = top ?? {};
  const names = namesIn(root, "signers");
  const known: KnownSigners = {
    byName: new Map([
      ...names.map((name): [string, undefined] => [name, undefined]),
      ...Object.entries(signers).map(([name, { pattern }]): [string, SignerPattern] => [
        name,
        { ...pattern, name },
      ]),
    ]),
    demands: 0,
  };
  const diagnostics = [...findings.diagnostics];
  const policies = rules.map((node, index) => {
    const own = findings.part();
    const policy = readRule(node, own, known, `rules[${index}]`);
    diagnostics.push(...own.diagnostics);
    return policy;
  });
  const more = findings.part();
  reportRepeated(policies, rules, more);
  const held = readExceptions(exceptions, policies, more, context.now);
  diagnostics.push(...more.diagnostics);
  const all = policies.map((policy): Policy => {
    const own = held.filter(({ rules }) => rules === undefined || rules.includes(policy.name));
    return { ...policy, exceptions: own.map(({ exception }) => exception) };
  });
  return {
    policies: all,
    keys: pems(signers),
    files: [...new Set(all.flatMap(({ demand }) => filesOf(demand)))].sort(),
    diagnostics: inOrder(diagnostics),
  };
}

/** A policy that lets nothing pass, for nobody knows what was meant: for files that cannot be read. */
export function brokenPolicy(at: Place, why: string, name = "policy"): Policy {
  return { name, at, mode: "require", covers: {}, demand: { kind: "broken", why }, exceptions: [] };
}

const anyNodes = (what: string): Shape<readonly YamlNode[]> => ({
  kind: "sequence",
  what: "a list",
  editor: { type: "array", items: { $ref: `#/$defs/${what}` } },
  read(node, { findings }) {
    if (node.kind !== "sequence") {
      findings.report("wrong-type", node.start, `expected a list of ${what}s`);
      return undefined;
    }
    if (node.items.length <= maxEntries) return node.items;
    findings.report("invalid-value", node.start, `expected ${maxEntries} ${what}s at most`);
    return undefined;
  },
});

function sections({ keys }: Pick<PolicyFileContext, "keys">) {
  return mapping("a policy file", {
    signers: orEmpty(signersShape(keys), {}),
    rules: required(described(anyNodes("rule"), "What has to be known of which images.")),
    exceptions: orEmpty(described(anyNodes("exception"), "What is let through for some time."), []),
  });
}

/** Whether all that is wrong at the top is wrong in the section of signers. */
function onlySigners(
  root: YamlNode,
  context: PolicyFileContext,
  errors: number,
  text: string,
  file: string,
): boolean {
  const signers =
    root.kind === "mapping" ? root.entries.find(({ key }) => key.value === "signers") : undefined;
  if (signers?.value.kind !== "mapping") return false;
  const own: PolicyFindings = new Findings(text, file, policyCodes, 1);
  signersShape(context.keys).read(signers.value, { findings: own, path: "signers" });
  return own.errors === errors;
}

function namesIn(root: YamlNode, section: string): readonly string[] {
  if (root.kind !== "mapping") return [];
  const found = root.entries.find(({ key }) => key.value === section)?.value;
  return found?.kind === "mapping" ? found.entries.map(({ key }) => key.value) : [];
}

const mode = described(
  word(["off", "warn", "require"]),
  "off asks nothing, warn tells, require (by default) promotes nothing without it.",
);
const images = some(glob("A glob of repositories: * up to the next slash, ** anything."));
const projects = some(glob("A glob of projects."));

function ruleShape(known: KnownSigners) {
  return mapping("a rule", {
    name: required(words("What reports call it.", nameFault)),
    images: described(
      images,
      "Repositories that it is about, by where images come from or go to; all by default.",
    ),
    projects: described(projects, "Projects that it is about; all by default."),
    mode,
    ...demandFields(known),
  });
}

function readRule(node: YamlNode, findings: PolicyFindings, known: KnownSigners, at: string): Policy {
  const place = placeIn(findings.file, findings.placeOf(node.start));
  const reading = { findings, path: at };
  const read = ruleShape(known).read(node, reading);
  if (read !== undefined) {
    const { name, images, projects, mode = "require", ...demands } = read;
    const demand = onlyDemand(demands, node, reading);
    if (findings.errors === 0 && demand !== undefined)
      return { name, at: place, mode, covers: scope(images, projects), demand, exceptions: [] };
  }
  const [fault] = findings.diagnostics.filter(({ severity }) => severity === "error");
  const why = `what the rule demands is unknown: ${fault?.message ?? "it is wrong"}`;
  const { name = "rule", mode, ...covers } = node.kind === "mapping" ? readable(node, findings) : {};
  return { ...brokenPolicy(place, why, name), mode: mode ?? "require", covers };
}

/** What of a rule with a fault is beyond doubt: a key that is none may have been meant to be any. */
function readable(
  node: YamlMapping,
  findings: PolicyFindings,
): PolicyScope & { readonly name?: string; readonly mode?: PolicyMode } {
  const quiet = new Findings(findings.text, findings.file, policyCodes, 1);
  const value = <Value>(key: string, shape: Shape<Value>): Value | undefined => {
    const entries = node.entries.filter((entry) => entry.key.value === key);
    const [only] = entries;
    const before = quiet.errors;
    const read =
      entries.length === 1 ? only && shape.read(only.value, { findings: quiet, path: key }) : undefined;
    return quiet.errors === before ? read : undefined;
  };
  const name = value("name", words("", nameFault));
  const written = value("mode", mode);
  const isDoubtful = findings.diagnostics.some(({ code }) => /^(?:unknown|duplicate)-key$/.test(code));
  const covers = isDoubtful ? {} : scope(value("images", images), value("projects", projects));
  return {
    ...covers,
    ...(name === undefined ? {} : { name }),
    ...(written === undefined || isDoubtful ? {} : { mode: written }),
  };
}

function scope(images: PolicyScope["images"], projects: PolicyScope["projects"]): PolicyScope {
  return { ...(images === undefined ? {} : { images }), ...(projects === undefined ? {} : { projects }) };
}

function reportRepeated(policies: readonly Policy[], nodes: readonly YamlNode[], findings: PolicyFindings) {
  const first = new Map<string, number>();
  for (const [index, { name, demand }] of policies.entries()) {
    const before = first.get(name);
    if (before === undefined) first.set(name, index);
    else if (demand.kind !== "broken")
      findings.report(
        "duplicate-rule",
        nodes[index]?.start,
        `another rule is called ${quoted(name)}`,
        "give it a name of its own",
        findings.related(nodes[before]?.start ?? 0, "here"),
      );
  }
}

/** An exception, and the rules that it is from: from all when they are not named. */
interface HeldException {
  readonly exception: PolicyException;
  readonly rules?: readonly string[] | undefined;
}

const exceptionShape = mapping(
  "an exception",
  {
    rules: some(words("The name of a rule."), "Rules that it is from; all of this file by default."),
    images: described(images, "Repositories that it is for."),
    digests: some(digest, "Images that it is for, by digest."),
    vulnerabilities: some(words("CVE-2026-1234"), "These vulnerabilities alone are let through."),
    until: required(day),
    reason: required(words("Why.")),
    by: required(words("Who has decided it.")),
  },
  {
    check: ({ known }, node, { findings }) => {
      const says = ["rules", "images", "digests", "vulnerabilities"].some((key) => known.has(key));
      if (!says)
        findings.report(
          "missing-key",
          node.start,
          "nothing says what is let through",
          "name rules, images, digests or vulnerabilities",
        );
    },
  },
);

function readExceptions(
  nodes: readonly YamlNode[],
  policies: readonly Policy[],
  findings: PolicyFindings,
  now: Date,
): readonly HeldException[] {
  const names = new Set(policies.map(({ name }) => name));
  return nodes.flatMap((node, index): HeldException[] => {
    const before = findings.errors;
    const read = exceptionShape.read(node, { findings, path: `exceptions[${index}]` });
    if (read === undefined || findings.errors > before) return [];
    const { rules, ...what } = read;
    for (const rule of rules ?? [])
      if (!names.has(rule)) findings.report("unknown-rule", node.start, `no rule is called ${quoted(rule)}`);
    const at = placeIn(findings.file, findings.placeOf(node.start));
    const { until, by, reason } = what;
    if (isOver(what, now)) {
      const message = `the exception is over since the end of ${until} (${by}: ${reason})`;
      findings.report("exception-over", node.start, message, "take it out, or have it prolonged");
    } else {
      findings.report(
        "exception-holds",
        node.start,
        `an exception holds until ${until}, by ${by}: ${reason}`,
      );
    }
    return [{ exception: { at, ...what }, rules }];
  });
}

function pems(signers: Readonly<Record<string, WrittenSigner>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(signers).flatMap(([name, { pem }]) => (pem === undefined ? [] : [[name, pem]])),
  );
}

function filesOf(demand: Demand): readonly string[] {
  if ("of" in demand) return demand.of.flatMap(filesOf);
  return demand.kind === "vulnerabilities" ? [...demand.reports, ...demand.vex] : [];
}

/** The JSON Schema of a policy file for editors: what `policy.schema.json` of the package holds. */
export function policyJsonSchema(): object {
  const known: KnownSigners = { byName: new Map(), demands: 0 };
  const demand = mapping("a demand", demandFields(known));
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "policy.yaml",
    description: "What Waybill has to know of images before it promotes them.",
    ...sections({}).editor,
    $defs: {
      demand: { ...demand.editor, minProperties: 1, maxProperties: 1 },
      rule: ruleShape(known).editor,
      exception: exceptionShape.editor,
    },
  };
}
