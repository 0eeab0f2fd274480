import { firstOf, formatPlace } from "../diagnostics/index.ts";
import type { ManifestComparison, ProjectChange } from "../edges/index.ts";

/** How a name from outside is written where it cannot do any harm. */
export type Quote = (name: string) => string;

/** What a comparison says beside edges, a sentence each: projects, what could not be read, and files that say the same. */
export function remarks(comparison: ManifestComparison, quote: Quote): string[] {
  const { projects, rewritten, unreadable } = comparison;
  const unread = [
    ...unreadable.before.map(
      (project) => `${quote(project)} could not be read before: all of it counts as added`,
    ),
    ...unreadable.after.map(
      (project) => `${quote(project)} cannot be read now: nobody knows what it asks for`,
    ),
  ];
  const same = rewritten.map((file) => `${quote(file)} is written otherwise, and asks for the same`);
  return [...projects.flatMap((change) => projectRemarks(change, quote)), ...unread, ...same];
}

function projectRemarks(change: ProjectChange, quote: Quote): string[] {
  const { kind, renamedFrom, source, provenance, addedDestinations, removedDestinations } = change;
  const project = `project ${quote(change.project)}`;
  if (kind !== "changed") {
    const destinations = kind === "added" ? addedDestinations : removedDestinations;
    const names = destinations.map(({ name }) => quote(name));
    const to = names.length === 0 ? "" : `, promoted to ${firstOf(names)}`;
    return [`${project} is ${kind === "added" ? "new" : "gone"}${to}`];
  }
  return [
    ...(renamedFrom === undefined ? [] : [`${project} was called ${quote(renamedFrom)}`]),
    ...(source === undefined
      ? []
      : [
          `${project} is promoted from ${quote(source.after.name)}, no longer from ${quote(source.before.name)} ` +
            `(${quote(formatPlace(source.after.at))})`,
        ]),
    ...(provenance === undefined
      ? []
      : [
          `${project} has another policy of provenance, its mode was ${provenance.before} and is ${provenance.after} ` +
            `(${quote(formatPlace(provenance.at))})`,
        ]),
    ...addedDestinations.map(
      ({ name, at }) => `${project} is promoted to ${quote(name)} as well (${quote(formatPlace(at))})`,
    ),
    ...removedDestinations.map(
      ({ name, at }) => `${project} is not promoted to ${quote(name)} any more (${quote(formatPlace(at))})`,
    ),
  ];
}
