import { nearest, quoted } from "../diagnostics/index.ts";
import type { CloudBuildText } from "./file.ts";
import type { CloudBuildFindings } from "./findings.ts";

export interface OrderedStep {
  readonly id?: CloudBuildText | undefined;
  readonly waitFor?: readonly CloudBuildText[] | undefined;
}

/**
 * For each step, the indexes of those that have to be over before it starts: all before it; with `waitFor: ["-"]`
 * none; else those named, which must stand before it. So there are no circles.
 */
export function orderSteps(
  steps: readonly OrderedStep[],
  findings: CloudBuildFindings,
): readonly (readonly number[])[] {
  const indexes = idsOf(steps, findings);
  return steps.map(({ waitFor }, index) => {
    if (waitFor === undefined || waitFor.length === 0)
      return Array.from({ length: index }, (_, before) => before);
    const seen = new Set<string>();
    const named = waitFor.flatMap((reference) => {
      if (seen.has(reference.value)) return [];
      seen.add(reference.value);
      if (reference.value === "-") return [];
      const target = indexes.get(reference.value);
      if (target === undefined) {
        const near = nearest(reference.value, indexes.keys());
        const hint =
          near === undefined
            ? `ids here: ${indexes.size === 0 ? "none" : [...indexes.keys()].map(quoted).join(", ").slice(0, 300)}`
            : `did you mean ${near}?`;
        findings.report("step-order", reference.at, `no step has the id ${quoted(reference.value)}`, hint);
        return [];
      }
      if (target < index) return [target];
      reportBackward(steps, index, target, reference, findings);
      return [];
    });
    return named.sort((one, other) => one - other);
  });
}

function idsOf(steps: readonly OrderedStep[], findings: CloudBuildFindings): ReadonlyMap<string, number> {
  const indexes = new Map<string, number>();
  for (const [index, { id }] of steps.entries()) {
    if (id === undefined) continue;
    if (id.value === "-") {
      const message = 'the id "-" is reserved: waitFor: ["-"] means that a step waits for nothing';
      findings.report("step-id", id.at, message, "choose another id");
    } else if (indexes.has(id.value)) {
      const message = `a step before it has the id ${quoted(id.value)} already`;
      findings.report("step-id", id.at, message, "ids are unique in a file");
    } else indexes.set(id.value, index);
  }
  return indexes;
}

function reportBackward(
  steps: readonly OrderedStep[],
  index: number,
  target: number,
  reference: CloudBuildText,
  findings: CloudBuildFindings,
): void {
  if (index === target) {
    findings.report("step-order", reference.at, `the step ${quoted(reference.value)} waits for itself`);
    return;
  }
  const id = steps[index]?.id?.value;
  const circle = id === undefined ? undefined : pathBetween(steps, target, id);
  if (circle === undefined) {
    const message = `the step ${quoted(reference.value)} stands below this one; a step waits only for those above it`;
    findings.report("step-order", reference.at, message, "put the step that is waited for first");
    return;
  }
  const chain = [id, reference.value, ...circle].map((name) => quoted(name ?? "")).join(" → ");
  findings.report(
    "step-order",
    reference.at,
    `steps wait for each other: ${chain}`,
    "take one of them out of a waitFor",
  );
}

/** The ids on the way from a step to the one that it waits for in the end, or `undefined`. */
function pathBetween(steps: readonly OrderedStep[], from: number, goal: string): string[] | undefined {
  const byId = new Map(
    steps.flatMap(({ id }, index) => (id === undefined ? [] : [[id.value, index] as const])),
  );
  const cameFrom = new Map<string, string | undefined>();
  const queue = (steps[from]?.waitFor ?? []).map(({ value }) => value);
  for (const first of queue) cameFrom.set(first, undefined);
  for (const name of queue) {
    if (name === goal) {
      const path: string[] = [];
      for (let at: string | undefined = name; at !== undefined; at = cameFrom.get(at)) path.unshift(at);
      return path;
    }
    for (const { value } of steps[byId.get(name) ?? -1]?.waitFor ?? []) {
      if (cameFrom.has(value)) continue;
      cameFrom.set(value, name);
      queue.push(value);
    }
  }
  return undefined;
}
