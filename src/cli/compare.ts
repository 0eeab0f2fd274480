import type { ManifestComparison } from "../edges/index.ts";
import { WaybillError } from "../errors/index.ts";
import type { ManifestTree } from "../manifest/index.ts";
import { amount } from "./amount.ts";
import { oldBase } from "./base.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { UsageError } from "./failure.ts";
import { manifestsArgument } from "./manifests.ts";
import { asJson, deliver } from "./output.ts";
import type { Session } from "./session.ts";
import type { Terminal } from "./terminal.ts";
import { type Blank, how, look, type OptionsOf, verb } from "./verb.ts";

const define = (command: Blank) =>
  command
    .argument("[before]", manifestsArgument, ".")
    .argument("[after]", "the newer one; without it, --base says with what to compare")
    .addOption(look.common("--base <revision>", "the manifests of this Git revision are the older ones"))
    .addOption(look.common("--head <revision>", "and those of this one the newer ones, not those on disk"))
    .addOption(how.common("--exit-code", "end with 2 when they ask for something else"));

type Options = OptionsOf<typeof define>;

export const compare = verb({
  name: "compare",
  summary: "say what two states of manifests ask for differently",
  description: "say what two states of manifests ask for differently; how they are written does not count",
  examples: [
    ["waybill review compare registry.k8s.io --base origin/main...", "what this branch asks for"],
    ["waybill review compare before/registry.k8s.io after/registry.k8s.io", "compare two folders"],
    [
      "waybill review compare registry.k8s.io --base v1 --head v2 -o markdown",
      "two revisions, for a pull request",
    ],
  ],
  exits: {
    [exitCodes.asDesired]: "they were compared",
    [exitCodes.notAsDesired]: "with --exit-code: they ask for something else",
  },
  page: "compare.md",
  forms: ["text", "json", "markdown"],
  define,
  old: { ...oldBase, "--markdown": "--output markdown" },
  run,
});

/** One of the two states: where it was read, and from which commit. */
interface State {
  readonly tree: ManifestTree;
  readonly commit?: string;
}

async function run(
  session: Session,
  path: string,
  other: string | undefined,
  options: Options,
): Promise<ExitCode> {
  const { terminal } = session;
  const { compareManifests } = await import("../edges/index.ts");
  const { comparisonAsDocument, comparisonAsMarkdown, differs } = await import("../comparison/index.ts");
  const { before, after } = await readStates(session, path, other, options);
  await tellFindings(terminal, before, after);
  const comparison = compareManifests(before.tree, after.tree);
  const states = { before: described(before), after: described(after) };
  await deliver(session, {
    text: (shown) => printText(shown, comparison),
    json: () => asJson({ format: "waybill-comparison/1", ...states, ...comparisonAsDocument(comparison) }),
    markdown: () => `${comparisonAsMarkdown(comparison)}\n`,
  });
  return options.exitCode && differs(comparison) ? exitCodes.notAsDesired : exitCodes.asDesired;
}

async function readStates(
  { env: environment }: Session,
  path: string,
  other: string | undefined,
  { base, head }: Options,
): Promise<{ before: State; after: State }> {
  const { readBothManifests, readManifests, readManifestsAt } = await import("../manifest/index.ts");
  if (other !== undefined) {
    if (base !== undefined || head !== undefined) {
      throw new UsageError("two folders are compared without --base and --head");
    }
    const { before, after } = await readBothManifests(path, other);
    return { before: { tree: readable(before) }, after: { tree: readable(after) } };
  }
  if (base === undefined) {
    throw new UsageError(
      "there is nothing to compare with",
      `name a second folder, or a Git revision: waybill review compare ${path} --base REVISION`,
    );
  }
  const nothing = { path, manifests: [], diagnostics: [], unreadable: [] };
  const after: State =
    head === undefined
      ? { tree: readable(await readManifests(path)) }
      : await readManifestsAt(nothing, head, { environment });
  const before = await readManifestsAt(after.tree, base, { environment, head });
  return { before, after };
}

/** A tree on disk that is there. One that is not would seem to have lost all that the other one asks for. */
function readable(tree: ManifestTree): ManifestTree {
  const fault = tree.diagnostics.find(
    ({ severity, code }) => severity === "error" && code !== "no-manifests",
  );
  if (tree.manifests.length > 0 || fault === undefined) return tree;
  throw new WaybillError("no-manifest", `there is no manifest that can be read: ${fault.message}`, {
    where: tree.path,
    hint: `look at what is wrong with: waybill check ${tree.path}`,
  });
}

/** Lines with errors are not compared, which has to be said: what one of them asked for seems to be gone. */
async function tellFindings(terminal: Terminal, before: State, after: State): Promise<void> {
  const { formatDiagnostic } = await import("../diagnostics/index.ts");
  for (const diagnostic of after.tree.diagnostics) {
    if (diagnostic.severity === "error") terminal.say(formatDiagnostic(diagnostic));
  }
  for (const [name, state] of Object.entries({ before, after })) {
    const { errors } = described(state);
    if (errors > 0)
      terminal.warn(`${name}: ${amount(errors, "error")}; what these lines ask for is left out`);
  }
}

function described({ tree, commit }: State): { path: string; commit: string | undefined; errors: number } {
  const errors = tree.diagnostics.filter(({ severity }) => severity === "error").length;
  return { path: tree.path, commit, errors };
}

async function printText(terminal: Terminal, comparison: ManifestComparison): Promise<void> {
  const { comparisonAsText } = await import("../comparison/index.ts");
  const { red, yellow, cyan, green } = terminal.colors;
  const colors = { moved: red, removed: yellow, "source-changed": cyan, added: green };
  terminal.print(
    comparisonAsText(comparison, { everything: terminal.verbose, paint: (kind, text) => colors[kind](text) }),
  );
}
