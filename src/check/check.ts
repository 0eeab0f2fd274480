import { stat } from "node:fs/promises";
import { type Diagnostic, type DiagnosticCodes, inOrder } from "../diagnostics/index.ts";
import type { CheckResult, Selection } from "../edges/index.ts";
import { type ManifestTree, readManifests, readTextFileOf } from "../manifest/index.ts";
import { checkSettings, settingsCodes } from "../settings/index.ts";
import { type FileKind, kindOf } from "./kind.ts";
import { checkPolicies, type PolicySettings, policyFindings } from "./policies.ts";

/** What checking a file or a directory, offline, found. */
export interface FileCheck {
  readonly kind: FileKind;
  /** As asked for; of manifests, normalized. */
  readonly path: string;
  /** All that was found, in the order of file, line and column. */
  readonly diagnostics: readonly Diagnostic[];
  /** Every code that they may have. */
  readonly codes: DiagnosticCodes;
  /** Files of policies that hold for manifests. */
  readonly policies: readonly string[];
  /** What else is known of manifests. */
  readonly manifests?: CheckResult;
}

/**
 * Checks what stands at a path, offline: promoter manifests, or a file of another kind, which is known by its name or by the keys
 * at its top. Never throws for what a file says.
 * @param selection of what manifests ask for, that which is told about.
 * @param settings that policies are checked by; without them any key that a policy names may be one.
 * @throws {SelectionError} `nothing-selected`, for a file of another kind as well.
 */
export async function checkFile(
  path: string,
  selection?: Selection,
  settings?: PolicySettings,
): Promise<FileCheck> {
  const isFile = await stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
  const text = isFile ? await readTextFileOf(path) : undefined;
  const kind = kindOf(path, typeof text === "string" ? text : "");
  if (kind !== "manifests" && text !== undefined) {
    if (selection !== undefined) {
      const { SelectionError } = await import("../edges/index.ts");
      throw new SelectionError("nothing-selected", "only of manifests can something be selected", {
        where: path,
        hint: "check the file without what selects",
      });
    }
    const { codes, check } = await readerOf(kind, settings);
    if (typeof text === "string")
      return { kind, path, codes, diagnostics: await check(text, path), policies: [] };
    const { code, message, hint } = text;
    const unreadable: Diagnostic = { code, severity: "error", message, hint, file: path };
    return { kind, path, codes, diagnostics: [unreadable], policies: [] };
  }
  const { diagnosticCodes } = await import("../manifest/index.ts");
  const { checkTree } = await import("../edges/index.ts");
  const tree = await readManifests(path);
  const manifests = checkTree(settings === undefined ? tree : await withPolicies(tree, settings), selection);
  const { diagnostics } = manifests;
  const policies = tree.policyFile === undefined ? [] : [tree.policyFile.file];
  if (settings?.policy !== undefined) policies.push(settings.policy);
  return {
    kind: "manifests",
    path: manifests.path,
    diagnostics,
    codes: diagnosticCodes,
    policies,
    manifests,
  };
}

/** The tree with what is wrong with its policies, and those of the settings, where these are known. */
async function withPolicies(tree: ManifestTree, settings: PolicySettings): Promise<ManifestTree> {
  const others = tree.diagnostics.filter(({ file }) => file !== tree.policyFile?.file);
  return { ...tree, diagnostics: inOrder([...others, ...(await policyFindings(tree, settings))]) };
}

/**
 * Reads a directory of thin manifests or one plain manifest and checks it, offline. Never throws for what they say.
 * @throws {SelectionError} `nothing-selected`.
 */
export async function checkManifests(path: string, selection?: Selection): Promise<CheckResult> {
  const { checkTree } = await import("../edges/index.ts");
  return checkTree(await readManifests(path), selection);
}

/** How a kind of file is read. */
interface FileReader {
  readonly codes: DiagnosticCodes;
  check(text: string, file: string): readonly Diagnostic[] | Promise<readonly Diagnostic[]>;
}

/** The reader of a kind; what few files need is loaded for them alone. */
async function readerOf(
  kind: Exclude<FileKind, "manifests">,
  settings: PolicySettings | undefined,
): Promise<FileReader> {
  switch (kind) {
    case "settings": {
      const { accessShape: access } = await import("../access/index.ts");
      const { notificationsShape: notifications } = await import("../notifications/index.ts");
      const shapes = { access, notifications };
      const { unreadableTrustFiles } = await import("./trust-files.ts");
      return {
        codes: settingsCodes,
        check: async (text, file) =>
          inOrder([...checkSettings(text, file, shapes), ...(await unreadableTrustFiles(text, file))]),
      };
    }
    case "variants": {
      const { checkVariants, variantsCodes } = await import("../builds/index.ts");
      return { codes: variantsCodes, check: checkVariants };
    }
    case "owners": {
      const { checkOwners, ownersCodes } = await import("../owners/index.ts");
      return { codes: ownersCodes, check: checkOwners };
    }
    case "policy": {
      const { policyCodes } = await import("../policy/index.ts");
      return { codes: policyCodes, check: (text, file) => checkPolicies(text, file, settings) };
    }
    case "jobs": {
      const { jobCodes, parseJobs } = await import("../jobs/index.ts");
      return { codes: jobCodes, check: (text, file) => parseJobs(text, file).diagnostics };
    }
    case "cloudbuild": {
      const { cloudBuildCodes, parseCloudBuild } = await import("../cloudbuild/index.ts");
      return { codes: cloudBuildCodes, check: (text, file) => parseCloudBuild(text, file).diagnostics };
    }
  }
}
