import { firstOf } from "../../diagnostics/index.ts";
import type { ManifestComparison } from "../../edges/index.ts";
import type { ManifestTree } from "../../manifest/index.ts";
import type { ChangedLine } from "../lines.ts";
import type { ReviewFinding } from "../review.ts";
import { nameOf, placed } from "../words.ts";

/**
 * What the manifests ask for no more, or otherwise. Production keeps what is there, so what is taken away from a manifest
 * is owned by nobody from then on: that has to be meant. A tag never moves, so a manifest that moves one asks for what
 * cannot be.
 */
export function judgeChanges(
  lines: readonly ChangedLine[],
  changes: ManifestComparison,
  before: ManifestTree,
  allowRemovals: boolean,
): readonly ReviewFinding[] {
  const removal = allowRemovals ? ("mentions" as const) : ("fails" as const);
  const gone = new Set(
    changes.projects.flatMap(({ kind, project }) => (kind === "removed" ? [project] : [])),
  );
  const findings: ReviewFinding[] = [];
  for (const line of lines) {
    if (line.kind === "moved") findings.push(movedTag(line));
    if (line.kind === "removed" && !gone.has(line.project))
      findings.push({ severity: removal, ...removedLine(line) });
  }
  for (const { project, kind, source, provenance, removedDestinations } of changes.projects) {
    if (kind === "removed") {
      findings.push({ severity: removal, ...removedProject(project, before) });
      continue;
    }
    for (const { name, at } of removedDestinations) {
      findings.push({
        severity: removal,
        code: "destination-removed",
        message: `${project} does not promote to ${name} any more; what is there stays, and nobody looks after it`,
        hint: "put it back, or review with --allow-removals if that is meant",
        ...placed(at),
        gone: true,
      });
    }
    if (provenance !== undefined) {
      findings.push({
        severity: "mentions",
        code: "policy-changed",
        message: `${project} has another policy of provenance: its mode was ${provenance.before} and is ${provenance.after}`,
        hint: "whoever weakens it decides what is promoted without provenance",
        ...placed(provenance.at),
      });
    }
    if (source !== undefined) {
      findings.push({
        severity: "mentions",
        code: "source-changed",
        message: `${project} promotes from ${source.after.name} instead of ${source.before.name}`,
        hint: "whoever may push there decides what is promoted: is it the project's own?",
        ...placed(source.after.at),
      });
    }
  }
  return findings;
}

function movedTag({ image, tag, digest, before, at, destinations }: ChangedLine): ReviewFinding {
  return {
    severity: "fails",
    code: "tag-moved",
    message: `the tag ${image}:${tag} is asked for at ${digest} instead of ${before?.digest}; tags never move`,
    hint: "keep the old line, and give the new image a tag of its own",
    ...placed(at),
    destinations,
  };
}

function removedLine(line: ChangedLine): Omit<ReviewFinding, "severity"> {
  return {
    code: "removed",
    message: `${nameOf(line)} is not asked for any more in ${firstOf(line.destinations)}; production keeps it`,
    hint: "put the line back, or review with --allow-removals if that is meant",
    ...placed(line.at),
    gone: true,
    destinations: line.destinations,
  };
}

function removedProject(project: string, { path, manifests }: ManifestTree): Omit<ReviewFinding, "severity"> {
  const manifest = manifests.find((found) => found.project === project);
  return {
    code: "project-removed",
    message: `the project ${project} is not promoted any more; production keeps its images`,
    hint: "put it back, or review with --allow-removals if that is meant",
    file: manifest?.file ?? path,
    gone: true,
  };
}
