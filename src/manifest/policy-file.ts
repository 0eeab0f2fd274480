import { dirname, join } from "node:path";
import type { Diagnostic } from "../diagnostics/index.ts";
import { type FailureRecord, messageOf } from "../errors/index.ts";
import type { EvidenceFile } from "../policy/index.ts";
import { diskFilesOf, type FileSource, type FolderEntry } from "./file-source.ts";
import { diagnostic } from "./findings.ts";
import type { ManifestTree } from "./model.ts";
import { faultOf } from "./read-project.ts";
import { fingerprint, type TextFileFault } from "./text-file.ts";

/** A `policy.yaml`, and what it names: as it was written, for whoever evaluates it. */
export interface PoliciesBeside {
  readonly file: string;
  /** Its text, or why there is none: then nobody knows what it demands. */
  readonly text: string | TextFileFault;
  /** Reports of scanners and VEX that it names, as JSON, by the names that it has for them. */
  readonly reports: readonly EvidenceFile[];
  /** What of these could not be read. */
  readonly unread: readonly FailureRecord[];
}

interface ReadPolicies {
  readonly policyFile?: PoliciesBeside;
  readonly diagnostics: readonly Diagnostic[];
  /** Fingerprints of the file, and of those that it names. */
  readonly texts: Readonly<Record<string, string>>;
}

const fileName = "policy.yaml";
/** Files that policies name which are read. */
const maxReports = 200;
/** Characters of all of them together. */
const maxReportText = 64 * 1024 * 1024;

/** Reads the policies in a folder of manifests; there need not be any. Rejects only when the files' source fails. */
export async function readPoliciesBeside(folder: string, files: FileSource): Promise<ReadPolicies> {
  const file = join(folder, fileName);
  const listed = await files.list(folder);
  const entries = "fault" in listed ? [] : listed;
  const others = misplacedPolicies(folder, folder, entries);
  // A link that leads nowhere, or where nobody may look, is no reason to do without what it stands for.
  const isThere = (await files.kindOf(file)) !== undefined || entries.some(({ name }) => name === fileName);
  if (!isThere) return { diagnostics: others, texts: {} };
  const read = await readPolicies(file, files);
  return { ...read, diagnostics: [...others, ...read.diagnostics] };
}

/** What looks like a policy file to whoever wrote it. */
const likeThis = /^polic(?:y|ies)\.ya?ml$/i;

/** Policy files of a folder that nothing reads: their writer takes images for guarded, and nothing guards them. */
export function misplacedPolicies(
  directory: string,
  folder: string,
  entries: readonly FolderEntry[],
): readonly Diagnostic[] {
  const right = join(directory, fileName);
  return entries
    .filter(({ name, kind }) => kind !== "directory" && likeThis.test(name) && join(folder, name) !== right)
    .map(({ name }) =>
      diagnostic(
        "misplaced-policy",
        join(folder, name),
        undefined,
        "nothing reads this file: no policy of it holds",
        {
          hint: `policies of these manifests stand in ${right}`,
        },
      ),
    );
}

/** Reads policies from a file on disk, whatever it is called. Never throws: why it cannot be read is in place of its text. */
export async function readPolicyFile(file: string): Promise<PoliciesBeside> {
  const { policyFile } = await readPolicies(file, await diskFilesOf(file));
  return policyFile;
}

/**
 * Adds the policies that the settings name to a state of manifests that is in the repository with them.
 * @param file named as the files of the state are.
 */
export async function withNamedPolicy(
  tree: ManifestTree,
  file: string,
  files: FileSource,
  isNew: boolean,
): Promise<ManifestTree> {
  if (!isNew && (await files.kindOf(file)) === undefined) return { ...tree, namedPolicy: "none" };
  const { policyFile, texts } = await readPolicies(file, files);
  return { ...tree, namedPolicy: policyFile, texts: { ...tree.texts, ...texts } };
}

async function readPolicies(
  file: string,
  files: FileSource,
): Promise<ReadPolicies & { readonly policyFile: PoliciesBeside }> {
  const text = await files.read(file);
  if (typeof text !== "string") {
    return {
      policyFile: { file, text, reports: [], unread: [] },
      diagnostics: [faultOf(text, file)],
      texts: {},
    };
  }
  // Few trees have policies, and reading keys takes much of Node.
  const { parsePolicyFile } = await import("../policy/index.ts");
  const { diagnostics, files: named } = parsePolicyFile(text, file, { now: new Date() });
  const { texts, ...read } = await readReports(dirname(file), named, files);
  return { policyFile: { file, text, ...read }, diagnostics, texts: { ...texts, [file]: fingerprint(text) } };
}

async function readReports(
  folder: string,
  named: readonly string[],
  files: FileSource,
): Promise<Pick<PoliciesBeside, "reports" | "unread"> & Pick<ReadPolicies, "texts">> {
  const texts: Record<string, string> = {};
  const reports: EvidenceFile[] = [];
  const unread: FailureRecord[] = [];
  let room = maxReportText;
  const fail = (name: string, message: string): void => {
    unread.push({ code: "unreadable-file", message, where: join(folder, name) });
  };
  for (const name of await withFolders(folder, named, files, fail)) {
    if (reports.length === maxReports) {
      fail(name, `policies name more than the ${maxReports} files that are read`);
      break;
    }
    const text = await files.read(join(folder, name));
    if (typeof text !== "string") {
      fail(name, text.message);
      continue;
    }
    room -= text.length;
    if (room < 0) {
      fail(name, `the files that policies name have more than ${maxReportText} characters`);
      break;
    }
    texts[join(folder, name)] = fingerprint(text);
    try {
      reports.push({ name, content: JSON.parse(text.replace(/^\uFEFF/, "")) });
    } catch (error) {
      fail(name, `it is not JSON: ${messageOf(error)}`);
    }
  }
  return { reports, unread, texts };
}

/** Files, and those in the folders that are named; no deeper. @param fail hears of folders that cannot be listed. */
async function withFolders(
  folder: string,
  named: readonly string[],
  files: FileSource,
  fail: (name: string, message: string) => void,
): Promise<string[]> {
  const all: string[] = [];
  for (const name of named) {
    const path = join(folder, name);
    if ((await files.kindOf(path)) !== "directory") {
      all.push(name);
      continue;
    }
    const entries = await files.list(path);
    if ("fault" in entries) {
      fail(name, `the folder cannot be listed: ${entries.fault}`);
      continue;
    }
    const below = entries.filter(({ kind, name: entry }) => kind !== "directory" && entry.endsWith(".json"));
    all.push(...below.map((entry) => join(name, entry.name)).sort());
  }
  return [...new Set(all)];
}
