import type { RunEventDocument } from "../server/index.ts";

/** A step of a build, as its events tell of it. */
export interface ShownStep {
  readonly build: string;
  /** Counted from 1. */
  readonly number: number;
  readonly of: number;
  readonly id: string | undefined;
  /** The image that it runs in. */
  readonly image: string | undefined;
  readonly startedAt: string;
  readonly endedAt: string | undefined;
  readonly exitCode: number | undefined;
}

/** The steps of which events tell, in the order in which they began. What was begun again in a later attempt stands once more. */
export function stepsOf(events: readonly RunEventDocument[]): readonly ShownStep[] {
  const steps: ShownStep[] = [];
  for (const { at, type, event } of events) {
    const build = textOf(event.build) ?? "";
    const number = (numberOf(event.step) ?? 0) + 1;
    if (type === "build-step-started") {
      const [of, id, image] = [numberOf(event.steps) ?? number, textOf(event.id), textOf(event.name)];
      steps.push({ build, number, of, id, image, startedAt: at, endedAt: undefined, exitCode: undefined });
    } else if (type === "build-step-ended") {
      const open = steps.findLastIndex(
        (step) => step.build === build && step.number === number && step.endedAt === undefined,
      );
      const step = steps[open];
      if (step !== undefined) steps[open] = { ...step, endedAt: at, exitCode: numberOf(event.exitCode) };
    }
  }
  return steps;
}

/** What is said of an event in one line: what stands in it beside its type, as far as it is short. */
export function eventInWords({ type, event }: RunEventDocument): string {
  const failure = textOf(fieldOf(event.failure, "message"));
  switch (type) {
    case "started":
      return "an attempt begins";
    case "ended":
      return `the end: ${textOf(event.result) ?? ""}`;
    case "planned":
      return `the plan is made: ${numberOf(event.work) ?? 0} to do`;
    case "progress":
      return `${numberOf(event.done) ?? 0} of ${numberOf(event.total) ?? 0} repositories read`;
    case "edge-done":
    case "edge-failed":
      return [textOf(event.destination), textOf(event.digest), failure].filter((word) => word).join(" ");
    case "image-built": {
      const tags = fieldOf(event.image, "tags");
      const words = Array.isArray(tags) ? `:${tags.join(",")}` : "";
      return `${textOf(fieldOf(event.image, "repository")) ?? ""}${words}@${textOf(fieldOf(event.image, "digest")) ?? ""}`;
    }
    case "build-step-started":
    case "build-step-ended": {
      const exit = numberOf(event.exitCode);
      const how =
        type === "build-step-started" ? "begins" : exit === undefined ? "is over" : `exits with ${exit}`;
      return `${textOf(event.build) ?? ""}: step ${(numberOf(event.step) ?? 0) + 1} ${how}`;
    }
    default:
      return failure ?? shortly(event);
  }
}

const mostWords = 300;

function shortly(event: object): string {
  const words = Object.entries(event).map(([name, value]) =>
    typeof value === "object" ? `${name}: …` : `${name}: ${String(value)}`,
  );
  return words.join(", ").slice(0, mostWords);
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}
