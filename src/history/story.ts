import * as z from "zod/mini";
import { BuildError, readBuiltImages } from "../builds/index.ts";
import { formatPlace } from "../diagnostics/index.ts";
import { harmless } from "../errors/index.ts";
import { digestSchema, jsonIn } from "../oci/index.ts";
import type { StoredRun } from "../store/index.ts";
import type { ImageEvent, RunStory, TellingRun, ToldPull } from "./model.ts";
import { createOutcomes } from "./outcomes.ts";
import { readReport } from "./read-report.ts";

/** The artifact in which a review keeps what it knows of its pull request, and who has approved what of it. */
export const pullArtifact = "pull.json";

/** The format of {@link pullArtifact}. */
export const pullFormat = "waybill-reviewed-pull/1";

/** Bytes of the longest that is read as a whole. */
const maxSmall = 1024 * 1024;
/** Tags and lines that are kept of one event. */
const maxNamed = 100;
/** Events of one run: a change of so many images is one that nobody can look at. */
const maxEvents = 100_000;

const line = z.pipe(z.string().check(z.maxLength(1_000)), z.transform(harmless));
const text = z.pipe(
  z.string(),
  z.transform((said) => harmless(said).slice(0, 500)),
);
const place = z.object({ file: line, line: z.int(), column: z.int() });
const tag = z.nullish(line);

const requestSchema = z.object({
  pullRequest: z.optional(z.object({ url: line, number: z.int(), title: text, author: line })),
  added: z.array(z.object({ image: line, digest: digestSchema, tag })).check(z.maxLength(maxEvents)),
});
const projectSchema = z.object({
  lines: z.array(
    z.object({
      kind: line,
      tag,
      digest: digestSchema,
      at: place,
      source: line,
      destinations: z.array(line),
    }),
  ),
});
const edgeSchema = z.object({
  kind: z.literal("images"),
  destination: line,
  tag,
  digest: digestSchema,
  source: line,
  project: z.optional(line),
  place,
  state: line,
  why: z.optional(text),
});
const findingSchema = z.object({
  kind: line,
  destination: line,
  tag,
  digest: digestSchema,
  place,
  message: text,
});
const pullSchema = z.object({
  format: z.literal(pullFormat),
  url: line,
  number: z.int(),
  title: z.optional(text),
  author: z.optional(line),
  commit: z.optional(line),
  edgesHash: z.optional(line),
  verdict: z.optional(line),
  approvals: z.array(
    z.object({
      user: line,
      commit: z.optional(line),
      at: z.optional(line),
      void: z.optional(line),
    }),
  ),
  uncovered: z.array(line),
});

/** A pull request and its approvals, as a review writes them down. */
export type ReviewedPull = z.infer<typeof pullSchema>;

/**
 * What a run has told of images, read from its record; `undefined` when that does not say, and may do so yet.
 * @throws {ObjectError} when the record cannot be read.
 */
export async function storyOf(run: TellingRun, stored: StoredRun): Promise<RunStory | undefined> {
  switch (run.kind) {
    case "build":
      return storyOfBuild(run, stored);
    case "propose":
      return storyOfProposal(stored);
    case "review":
      return storyOfReview(run, stored);
    case "promote":
      return storyOfPromotion(run, stored);
    case "verify":
      return storyOfVerification(stored);
    default:
      return nothing;
  }
}

const nothing: RunStory = { events: [], mirrors: new Map() };

async function storyOfBuild({ id }: TellingRun, stored: StoredRun): Promise<RunStory | undefined> {
  try {
    const { images, source } = await readBuiltImages(stored);
    const events = images.map(
      ({ repository, digest, tags, build, provenance }): ImageEvent => ({
        ...{ image: repository, digest, kind: "built", key: id },
        details: { tags: tags.slice(0, maxNamed), variant: build, provenance },
      }),
    );
    return { events, mirrors: new Map(), commit: source.commit };
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    return error.code === "images-missing" ? undefined : { ...nothing, why: error.message };
  }
}

async function storyOfProposal(stored: StoredRun): Promise<RunStory | undefined> {
  const events: ImageEvent[] = [];
  let judged: ToldPull | undefined;
  const unread = await eachPart(stored, ["requests"], ({ value }) => {
    const { data } = requestSchema.safeParse(value);
    if (data?.pullRequest === undefined) return data !== undefined;
    const { pullRequest: pull, added } = data;
    judged ??= { ...pull, approvals: [], uncovered: [] };
    const images = new Map<string, ImageEvent & { readonly details: { readonly tags: string[] } }>();
    for (const { image, digest, tag } of added) {
      const key = `${image}@${digest}`;
      const event = images.get(key) ?? {
        ...{ image, digest, kind: "proposed", key: pull.url },
        details: { tags: [], pull: pull.url },
      };
      if (tag != null && event.details.tags.length < maxNamed) event.details.tags.push(tag);
      images.set(key, event);
    }
    events.push(...images.values());
    return true;
  });
  if (unread === undefined) return undefined;
  return { events: events.slice(0, maxEvents), mirrors: new Map(), pull: judged, why: unread ?? undefined };
}

async function storyOfReview(run: TellingRun, stored: StoredRun): Promise<RunStory | undefined> {
  const outcomes = createOutcomes();
  const pull = await readPull(stored);
  const url = pull?.url ?? `${run.repo}#${run.pull}`;
  const unread = await eachPart(stored, ["projects"], ({ value }) => {
    const { data } = projectSchema.safeParse(value);
    for (const { kind, tag, digest, at, source, destinations } of data?.lines ?? []) {
      if (kind === "removed") continue;
      outcomes.add(
        { image: source, digest, kind: "reviewed", key: url },
        { tag, place: formatPlace(at), destinations, pull: url },
      );
    }
    return data !== undefined;
  });
  if (unread === undefined) return undefined;
  return { events: outcomes.events(), mirrors: new Map(), pull, why: unread ?? outcomes.why() };
}

async function storyOfPromotion({ id }: TellingRun, stored: StoredRun): Promise<RunStory | undefined> {
  const outcomes = createOutcomes();
  const mirrors = new Map<string, string>();
  const projects = new Map<string, string>();
  let isDry = false;
  const unread = await eachPart(stored, ["dryRun", "work", "problems"], ({ name, value }) => {
    if (name === "dryRun") {
      isDry = value !== false;
      return true;
    }
    const { data } = edgeSchema.safeParse(value);
    if (data === undefined) return isOfOtherKind(value);
    if (isDry) return true;
    const { destination, tag, digest, source: image, project, place: at, state, why } = data;
    if (project !== undefined) projects.set(image, project);
    const isDone = state === "done";
    if (isDone) mirrors.set(destination, image);
    // What was not begun has not been stopped by anything.
    else if (state === "pending") return true;
    outcomes.add(
      isDone
        ? { image, digest, kind: "promoted", key: id }
        : { image, digest, kind: "stopped", key: `${state} ${tag ?? ""}` },
      { tag, place: formatPlace(at), destinations: [destination], ...(isDone ? {} : { state, why }) },
    );
    return true;
  });
  if (unread === undefined) return undefined;
  return { events: outcomes.events(), mirrors, projects, why: unread ?? outcomes.why() };
}

async function storyOfVerification(stored: StoredRun): Promise<RunStory | undefined> {
  const outcomes = createOutcomes();
  const unread = await eachPart(stored, ["findings"], ({ value }) => {
    const { data } = findingSchema.safeParse(value);
    if (data === undefined) return false;
    const { kind: state, destination, digest, tag, place: at, message } = data;
    outcomes.add(
      // Whoever keeps it knows what image is in that repository.
      { image: destination, digest, kind: "found", key: `${state} ${tag ?? ""}` },
      { tag, place: formatPlace(at), destinations: [destination], state, why: message },
    );
    return true;
  });
  if (unread === undefined) return undefined;
  return { events: outcomes.events(), mirrors: new Map(), why: unread ?? outcomes.why() };
}

/**
 * Gives each part of a run's report to who reads it.
 * @param take Says whether it was what it should be.
 * @returns Why some were not, or `null`; `undefined` when there is no report.
 */
async function eachPart(
  stored: StoredRun,
  names: readonly string[],
  take: (part: { readonly name: string; readonly value: unknown }) => boolean,
): Promise<string | null | undefined> {
  const bytes = await stored.artifact("report.json");
  if (bytes === undefined) return undefined;
  let unread = 0;
  const onUnread = (): void => {
    unread += 1;
  };
  for await (const part of readReport(bytes, new Set(names), onUnread)) if (!take(part)) unread += 1;
  return unread === 0 ? null : `parts of its report that could not be read: ${unread}`;
}

/** Edges of kinds that are about no image. */
function isOfOtherKind(value: unknown): boolean {
  const { data } = z.object({ kind: z.string() }).safeParse(value);
  return data !== undefined && data.kind !== "images";
}

async function readPull(stored: StoredRun): Promise<ToldPull | undefined> {
  const bytes = await stored.artifact(pullArtifact);
  if (bytes === undefined) return undefined;
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of bytes) {
    length += piece.length;
    if (length > maxSmall) return undefined;
    pieces.push(piece);
  }
  const { data } = pullSchema.safeParse(jsonIn(Buffer.concat(pieces).toString()));
  return data;
}
