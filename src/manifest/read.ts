import { basename, dirname, normalize, sep } from "node:path";
import { isDeepStrictEqual } from "node:util";
import pLimit from "p-limit";
import { type Diagnostic, inOrder, printable } from "../diagnostics/index.ts";
import { restBelow } from "../oci/index.ts";
import { fitsPath, pathPattern } from "../policy/index.ts";
import { diskFilesOf } from "./file-source.ts";
import { diagnostic } from "./findings.ts";
import type { ManifestTree, PromoterManifest } from "./model.ts";
import { parsePlainManifest } from "./parse.ts";
import { readPoliciesBeside } from "./policy-file.ts";
import { policyMeaning } from "./provenance-policy.ts";
import {
  assemble,
  faultOf,
  type ReadOptions,
  readThinProject,
  type TreeReadOptions,
} from "./read-project.ts";
import { fingerprint } from "./text-file.ts";
import { listThinDirectory } from "./thin-directory.ts";

/** Files that are opened at the same time. */
const projectsAtOnce = 16;

/** Reads what stands at the path: a directory of thin manifests, or one plain manifest. Never throws. */
export async function readManifests(path: string, options: ReadOptions = {}): Promise<ManifestTree> {
  return readManifestsFrom(path, { ...options, files: await diskFilesOf(path) });
}

/**
 * Reads two states of the same manifests from two places. Two plain manifests are read as one project, the second one's,
 * whatever their files are called: otherwise what one asks for would seem to be gone where the other cannot be read.
 * Never throws.
 */
export async function readBothManifests(
  before: string,
  after: string,
): Promise<{ readonly before: ManifestTree; readonly after: ManifestTree }> {
  const then = await readManifests(before);
  const now = await readManifestsFrom(after, { files: await diskFilesOf(after), known: then });
  const kinds = await Promise.all(
    [before, after].map(async (path) => (await diskFilesOf(path)).kindOf(path)),
  );
  const arePlain = kinds.every((kind) => kind === "other");
  return { before: arePlain ? renamed(then, basename(now.path)) : then, after: now };
}

/** A tree of one plain manifest, with that project renamed. */
function renamed(tree: ManifestTree, project: string): ManifestTree {
  return {
    ...tree,
    manifests: tree.manifests.map((manifest) => ({ ...manifest, project })),
    unreadable: tree.unreadable.map(() => project),
  };
}

/** {@link readManifests} from a commit or the disk. Rejects only when the files' source fails. */
export async function readManifestsFrom(path: string, reading: TreeReadOptions): Promise<ManifestTree> {
  const kind = await reading.files.kindOf(path);
  return kind === "other" ? readPlain(path, reading) : readTree(path, reading);
}

/**
 * Reads a directory of thin manifests: every `manifests/<project>/promoter-manifest.yaml` with its
 * `images/<project>/images.yaml`, projects in the order of their names. Never throws: what is wrong is among the
 * diagnostics, and a project that cannot be read is listed as unreadable and stops no other.
 * @param directory in any spelling: a trailing slash or a leading `./` changes nothing.
 */
export async function readManifestTree(directory: string, options: ReadOptions = {}): Promise<ManifestTree> {
  return readTree(directory, { ...options, files: await diskFilesOf(directory) });
}

async function readTree(directory: string, reading: TreeReadOptions): Promise<ManifestTree> {
  const path = normalizedPath(directory);
  const listing = await listThinDirectory(path, reading.files);
  const policies = await readPoliciesBeside(path, reading.files);
  const diagnostics = [...listing.diagnostics, ...policies.diagnostics];
  const unreadable = [...listing.unreadable];
  const manifests: PromoterManifest[] = [];
  const texts: Record<string, string> = { ...policies.texts };
  const projects = await pLimit(projectsAtOnce).map(listing.projects, (project) =>
    readThinProject(project, reading),
  );
  for (const { project, manifest, ...found } of projects) {
    diagnostics.push(...found.diagnostics);
    Object.assign(texts, found.texts);
    if (manifest === undefined) unreadable.push(project);
    else manifests.push(manifest);
  }
  const isEmpty = manifests.length === 0 && unreadable.length === 0;
  if (isEmpty && !diagnostics.some(({ severity }) => severity === "error")) {
    diagnostics.push(
      diagnostic("no-manifests", path, undefined, "no manifests found in dir", {
        hint: "thin manifests stand at manifests/<project>/promoter-manifest.yaml",
      }),
    );
  }
  diagnostics.push(
    ...promotionsIntoStaging(manifests),
    ...differingPolicies(manifests),
    ...unmatchedLevels(manifests),
  );
  return {
    path,
    manifests,
    diagnostics: inOrder(diagnostics),
    unreadable,
    ...policiesOf(policies),
    texts,
  };
}

function policiesOf({
  policyFile,
}: Awaited<ReturnType<typeof readPoliciesBeside>>): Pick<ManifestTree, "policyFile"> {
  return policyFile === undefined ? {} : { policyFile };
}

/** Reads one plain manifest, registries and images in one file, as a tree of one project. Never throws. */
export async function readPlainManifest(file: string): Promise<ManifestTree> {
  return readPlain(file, { files: await diskFilesOf(file) });
}

async function readPlain(file: string, { files, known }: TreeReadOptions): Promise<ManifestTree> {
  const path = normalizedPath(file);
  const text = await files.read(path);
  if (typeof text !== "string") {
    return { path, manifests: [], diagnostics: [faultOf(text, path)], unreadable: [basename(path)] };
  }
  const policies = await readPoliciesBeside(dirname(path), files);
  const texts = { ...policies.texts, [path]: fingerprint(text) };
  if (known?.path === path && isDeepStrictEqual(known.texts, texts)) return known;
  const { registries, images, ...parsed } = parsePlainManifest(text, path);
  const diagnostics = [...policies.diagnostics, ...parsed.diagnostics];
  if (registries === undefined || images === undefined) {
    const unreadable = [basename(path)];
    return { path, manifests: [], diagnostics, unreadable, ...policiesOf(policies), texts };
  }
  const { manifest, tooLong } = assemble(
    { project: basename(path), file: path, imagesFile: path },
    registries,
    images,
  );
  const found = inOrder([...diagnostics, ...tooLong]);
  return { path, manifests: [manifest], diagnostics: found, unreadable: [], ...policiesOf(policies), texts };
}

/** A path as trees and diagnostics name it. */
export function normalizedPath(path: string): string {
  const short = normalize(path);
  return short.length > 1 && short.endsWith(sep) ? short.slice(0, -1) : short;
}

/** Promotion in steps is allowed; a slip of the pen that fills somebody's staging registry looks the same. */
function promotionsIntoStaging(manifests: readonly PromoterManifest[]): Diagnostic[] {
  const bySource = new Map(manifests.map((manifest) => [manifest.source.name, manifest]));
  return manifests.flatMap(({ file, destinations }) =>
    destinations.flatMap(({ name, at }) => {
      const other = bySource.get(name);
      if (other === undefined) return [];
      const message = `${name} is the source of ${other.project}`;
      return diagnostic("destination-is-staging", file, at, message, {
        related: [{ file: other.file, at: other.source.at, message: "here it is the source" }],
      });
    }),
  );
}

/** A pattern that means no image of the source, or below it, demands nothing: it is most likely a slip of the pen. */
function unmatchedLevels(manifests: readonly PromoterManifest[]): Diagnostic[] {
  return manifests.flatMap(({ file, source, provenance }) => {
    const { levels = [], at = source.at, mode = "off" } = provenance ?? {};
    if (mode === "off" || levels.length === 0) return [];
    const names = manifests.flatMap((other) =>
      other.images.flatMap(({ name }) => restBelow(source.name, `${other.source.name}/${name}`) ?? []),
    );
    const patterns = [...new Set(levels.flatMap(({ images }) => images))];
    return patterns.flatMap((pattern) => {
      const read = pathPattern(pattern);
      if (names.some((name) => fitsPath(read, name))) return [];
      const message = `no image of ${source.name} is meant by ${printable(pattern)} in levels of its provenance`;
      return diagnostic("provenance-unmatched", file, at, message, {
        hint: "names of images are those below the source, and * ends at a slash",
      });
    });
  });
}

/** Manifests that share a staging registry share its policy, or the laxer one would be the way around the other. */
function differingPolicies(manifests: readonly PromoterManifest[]): Diagnostic[] {
  const bySource = new Map<string, PromoterManifest>();
  return manifests.flatMap((manifest) => {
    const first = bySource.get(manifest.source.name);
    if (first === undefined) {
      bySource.set(manifest.source.name, manifest);
      return [];
    }
    if (policyMeaning(first.provenance) === policyMeaning(manifest.provenance)) return [];
    const { file, provenance, source } = manifest;
    const message = `${source.name} has another policy of provenance than in ${first.project}`;
    return diagnostic("provenance-differs", file, provenance?.at ?? source.at, message, {
      hint: "manifests with the same staging registry have the same policy; the stricter one counts for both",
      related: [
        { file: first.file, at: first.provenance?.at ?? first.source.at, message: "here is the other" },
      ],
    });
  });
}
