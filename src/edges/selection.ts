import { shellLine } from "../errors/index.ts";
import { type Patterns, parsePatterns } from "./pattern.ts";

/** What a selection was asked for by, as it was given: values of options, of each option one at least has to fit. */
export interface SelectionPatterns {
  /** `--project`: names of projects. */
  readonly projects: readonly string[];
  /** `--image`: names of images within their projects, or whole repositories. */
  readonly images: readonly string[];
  /** `--tag` */
  readonly tags: readonly string[];
  /** `--to`: production registries, each with all below it. */
  readonly to: readonly string[];
}

/** A selection, as documents say what they are limited to. */
export interface Selected extends SelectionPatterns {
  /** Edges that were not looked at, because they are not selected. */
  readonly others: number;
}

/** Which of the edges of manifests are looked at. Every edge has to fit all four. */
export interface Selection {
  readonly given: SelectionPatterns;
  readonly projects: Patterns;
  readonly images: Patterns;
  readonly tags: Patterns;
  readonly to: Patterns;
}

/**
 * Makes a selection of what was asked for; `undefined` when nothing was, for then everything is looked at.
 * @throws {SelectionError} `invalid-pattern`.
 */
export async function parseSelection(asked: Partial<SelectionPatterns>): Promise<Selection | undefined> {
  const { projects = [], images = [], tags = [], to = [] } = asked;
  const given = { projects, images, tags, to: to.map((name) => name.replace(/\/+$/, "")) };
  if (Object.values(given).every((texts) => texts.length === 0)) return undefined;
  return {
    given,
    projects: await parsePatterns("--project", given.projects),
    images: await parsePatterns("--image", given.images),
    tags: await parsePatterns("--tag", given.tags),
    to: await parsePatterns("--to", given.to),
  };
}

/** Whether a registry is selected: it, or one that it is below. */
export function selectsRegistry({ to }: Pick<Selection, "to">, registry: string): boolean {
  return to.isOpen || to.matches(...withThoseAbove(registry));
}

/** A registry and all that it is below, the host first: that is how people know it. */
export function withThoseAbove(registry: string): readonly string[] {
  const segments = registry.split("/");
  return segments.map((_, at) => segments.slice(0, at + 1).join("/"));
}

/** The options of a selection, as the words of a command line. */
export function selectionOptions({ projects, images, tags, to }: SelectionPatterns): string[] {
  const options = { "--project": projects, "--image": images, "--tag": tags, "--to": to };
  return Object.entries(options).flatMap(([name, texts]) => texts.flatMap((text) => [name, text]));
}

/** The options of a selection, as they would be given to a shell. */
export function selectionInWords(patterns: SelectionPatterns): string {
  return shellLine(selectionOptions(patterns));
}

/** What something was limited to, and how much that left out, without a full stop. */
export function selectionSentence({ others, ...patterns }: Selected): string {
  const rest = others === 0 ? "" : `: ${others} other ${others === 1 ? "edge" : "edges"} not looked at`;
  return `limited to ${selectionInWords(patterns)}${rest}`;
}
