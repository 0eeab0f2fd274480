import { isUtf8 } from "node:buffer";
import { realpath } from "node:fs/promises";
import { basename, join } from "node:path";
import pLimit from "p-limit";
import { type Diagnostic, Findings } from "../diagnostics/index.ts";
import { errorCodeOf, readRegular } from "../disk/index.ts";
import { parseCodeOwners } from "./codeowners.ts";
import { type OwnersCode, type OwnersFindings, ownersCodes } from "./findings.ts";
import { parseAliases } from "./names.ts";
import { codeOwners, type OwnersRules, prowOwners } from "./owners.ts";
import { parseOwnersFile } from "./owners-file.ts";

/** Files of a repository, by their paths in it: a commit's, or those of a folder ({@link ownersFolder}). */
export interface RepositoryFiles {
  /** A file's bytes, unless there is none, or it has more than `limit` of them, or it may not be read. */
  read(path: string, limit: number): Promise<Uint8Array | "missing" | "folder" | "too-large" | "unreadable">;
}

/** Bytes of one file. GitHub reads no `CODEOWNERS` beyond 3 MB. */
const maxFileBytes = 3 * 1024 * 1024;
const filesAtOnce = 16;
const codeOwnersPlaces = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"];

/**
 * Reads who owns these files: the `OWNERS` files of Prow in their folders and all above, with `OWNERS_ALIASES`; where there is
 * none, the first `CODEOWNERS` of `.github/`, the top, `docs/` and `.gitlab/`. The answers hold for these files alone.
 * What is wrong with them is among the diagnostics; what cannot be used gives nobody any right.
 * @throws what reading throws.
 */
export async function readOwners(
  repository: RepositoryFiles,
  files: readonly string[],
): Promise<OwnersRules> {
  const diagnostics: Diagnostic[] = [];
  const folders = foldersAbove(files);
  const found = await pLimit(filesAtOnce).map(folders, async (folder) => {
    const path = folder === "" ? "OWNERS" : `${folder}/OWNERS`;
    const parsed = await parseAt(repository, path, parseOwnersFile, diagnostics);
    return [folder, parsed] as const;
  });
  if (found.some(([, parsed]) => parsed !== "missing")) {
    const aliases = await parseAt(repository, "OWNERS_ALIASES", parseAliases, diagnostics);
    return prowOwners(new Map(found), typeof aliases === "string" ? new Map() : aliases, diagnostics);
  }
  for (const path of codeOwnersPlaces) {
    const sections = await parseAt(repository, path, parseCodeOwners, diagnostics);
    if (sections !== "missing") return codeOwners(path, sections === "unusable" ? [] : sections, diagnostics);
  }
  return codeOwners("CODEOWNERS", [], diagnostics);
}

/** What is wrong with the text of an `OWNERS`, `OWNERS_ALIASES` or `CODEOWNERS` file, which its name says. */
export function checkOwners(text: string, file: string): readonly Diagnostic[] {
  const name = basename(file);
  const findings = new Findings<OwnersCode>(text, file, ownersCodes);
  if (name === "CODEOWNERS") parseCodeOwners(findings);
  else if (name === "OWNERS_ALIASES") parseAliases(findings);
  else parseOwnersFile(findings);
  return findings.diagnostics;
}

/** The files of a folder. Symbolic links are not followed: they might lead out of it. */
export function ownersFolder(root: string): RepositoryFiles {
  return {
    async read(path, limit) {
      try {
        const [top, real] = await Promise.all([realpath(root), realpath(join(root, path))]);
        if (real !== join(top, path)) return "missing";
        return await readRegular(real, limit);
      } catch (error) {
        const code = errorCodeOf(error);
        if (code === "ENOENT" || code === "ENOTDIR" || code === "ELOOP") return "missing";
        if (code === "EFTYPE" || code === "ENXIO") return "folder";
        return code === "EFBIG" ? "too-large" : "unreadable";
      }
    },
  };
}

/** Folders of the files and all above them, without those that no file can be in. */
function foldersAbove(files: readonly string[]): string[] {
  const folders = new Set<string>();
  for (const file of files) {
    const segments = file.split("/").slice(0, -1);
    if (segments.some((segment) => segment === "" || segment === "." || segment === "..")) continue;
    for (let depth = 0; depth <= segments.length; depth += 1) folders.add(segments.slice(0, depth).join("/"));
  }
  return [...folders];
}

async function parseAt<Parsed extends object>(
  repository: RepositoryFiles,
  file: string,
  parse: (findings: OwnersFindings) => Parsed,
  diagnostics: Diagnostic[],
): Promise<Parsed | "missing" | "unusable"> {
  const bytes = await repository.read(file, maxFileBytes);
  if (bytes === "missing" || bytes === "folder") return "missing";
  const text = typeof bytes !== "string" && isUtf8(bytes) ? new TextDecoder().decode(bytes) : undefined;
  const findings: OwnersFindings = new Findings<OwnersCode>(text ?? "", file, ownersCodes);
  if (bytes === "too-large")
    findings.report("file-too-large", undefined, `it has more than ${maxFileBytes} bytes`);
  else if (bytes === "unreadable") findings.report("unreadable-file", undefined, "it cannot be read");
  else if (text === undefined) findings.report("not-utf8", undefined, "it is not text in UTF-8");
  const parsed = text === undefined ? undefined : parse(findings);
  for (const found of findings.diagnostics) diagnostics.push(withConsequence(found));
  return parsed === undefined || findings.errors > 0 ? "unusable" : parsed;
}

function withConsequence(found: Diagnostic): Diagnostic {
  if (found.severity !== "error") return found;
  return { ...found, message: `nobody owns anything by it: ${found.message}` };
}
