import type { Sql } from "../database/index.ts";
import type { Digest } from "../oci/index.ts";
import type {
  ImageEventDetails,
  ImageEventKind,
  JudgedApproval,
  KeptEvent,
  KnownImage,
  KnownTag,
  ToldPull,
} from "./model.ts";

/** Events of one digest that are read: it has a dozen. */
const maxEvents = 500;

interface EventRow {
  readonly image: string;
  readonly digest: Digest;
  readonly kind: ImageEventKind;
  readonly key: string;
  readonly run: string;
  readonly at: Date;
  readonly last_run: string;
  readonly last_at: Date;
  readonly details: ImageEventDetails;
  readonly place: string;
  readonly job: string | null;
  readonly run_kind: string | null;
  readonly repo: string | null;
  readonly commit: string | null;
  readonly pull: number | null;
  readonly url: string | null;
  readonly number: number;
  readonly title: string | null;
  readonly author: string | null;
  readonly judged_commit: string | null;
  readonly edges_hash: string | null;
  readonly verdict: string | null;
  readonly approvals: readonly JudgedApproval[];
  readonly uncovered: readonly string[];
}

/** What tells the events of a run apart, in a text of bounded length. */
const place = "(event.digest || ' ' || event.kind || ' ' || md5(event.image || ' ' || event.key))";

const events = `
  SELECT event.*, ${place} AS place, told.job, told.kind AS run_kind, told.repo, told.commit, told.pull,
    judged.url, judged.number, judged.title, judged.author, judged.commit AS judged_commit, judged.edges_hash,
    judged.verdict, judged.approvals, judged.uncovered
  FROM history_event AS event
  LEFT JOIN history_run AS told ON told.run = event.run
  LEFT JOIN history_pull AS judged ON judged.url = event.key AND event.kind IN ('proposed', 'reviewed')`;

/** What has happened to a digest, in the order in which it did. */
export async function eventsOf(sql: Sql, digest: string): Promise<readonly KeptEvent[]> {
  const rows = await sql.query<EventRow>(
    `${events} WHERE event.digest = $1 ORDER BY event.at, event.run, event.kind LIMIT ${maxEvents}`,
    [digest],
  );
  return rows.map(eventOf);
}

/** Which events are listed. */
export interface EventQuery {
  readonly image?: string | undefined;
  /** The address of a pull request that asks for the image. */
  readonly pull?: string | undefined;
  /** Of the runs that told it. */
  readonly commit?: string | undefined;
  readonly run?: string | undefined;
  readonly limit: number;
  /** The place of the last one of the page before. */
  readonly after?: readonly [string, string] | undefined;
}

/** What has happened to images, the newest runs first; one more than the limit where there is more. */
export async function listEvents(
  sql: Sql,
  { image, pull, commit, run, limit, after: [last, behind] = ["", ""] }: EventQuery,
): Promise<readonly KeptEvent[]> {
  const asked = [
    ["event.image = ?", image],
    ["event.kind IN ('proposed', 'reviewed') AND event.key = ?", pull],
    ["told.commit = ?", commit],
    ["event.run = ?::bigint", run],
  ] as const;
  const values: unknown[] = [limit + 1];
  const conditions = asked.flatMap(([condition, value]) => {
    if (value === undefined) return [];
    values.push(value);
    return [condition.replace("?", `$${values.length}`)];
  });
  if (last !== "") {
    values.push(last, behind);
    conditions.push(
      `(event.run < $${values.length - 1}::bigint OR (event.run = $${values.length - 1}::bigint AND ${place} > $${values.length}))`,
    );
  }
  const where = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
  const rows = await sql.query<EventRow>(
    `${events} ${where} ORDER BY event.run DESC, ${place} LIMIT $1`,
    values,
  );
  return rows.map(eventOf);
}

/** The place of an event in the order of {@link listEvents}. */
export function placeOfEvent({ run, place: last }: KeptEvent): readonly [string, string] {
  return [run.id, last];
}

function eventOf(row: EventRow): KeptEvent {
  const { image, digest, kind, key, run: id, at, last_run: lastRun, last_at: lastAt, details } = row;
  return {
    ...{ image, digest, kind, key, at, lastRun, lastAt, details, place: row.place },
    run: {
      ...{ id, job: row.job ?? "", kind: row.run_kind ?? "", endedAt: at },
      ...{ repo: row.repo ?? undefined, commit: row.commit ?? undefined, pull: row.pull ?? undefined },
    },
    judged: judgedOf(row),
  };
}

function judgedOf(row: EventRow): ToldPull | undefined {
  const { url, number, approvals, uncovered } = row;
  if (url === null) return undefined;
  return {
    ...{ url, number, approvals, uncovered },
    ...{ title: row.title ?? undefined, author: row.author ?? undefined },
    ...{ commit: row.judged_commit ?? undefined, edgesHash: row.edges_hash ?? undefined },
    verdict: row.verdict ?? undefined,
  };
}

const knownImage = `
  SELECT image.name, image.project, image.last_at AS "lastAt",
    (SELECT count(*)::int FROM history_mirror WHERE history_mirror.image = image.name) AS mirrors,
    (SELECT count(DISTINCT digest)::int FROM history_event WHERE history_event.image = image.name) AS digests,
    (SELECT tag FROM history_tag WHERE history_tag.image = image.name ORDER BY run DESC, tag DESC LIMIT 1) AS tag
  FROM history_image AS image`;

interface ImageRow extends Omit<KnownImage, "project" | "tag"> {
  readonly project: string | null;
  readonly tag: string | null;
}

function imageOf({ project, tag, ...image }: ImageRow): KnownImage {
  return { ...image, project: project ?? undefined, tag: tag ?? undefined };
}

/** Which images are listed. */
export interface ImageQuery {
  /** Stands in its name. */
  readonly search?: string | undefined;
  readonly project?: string | undefined;
  readonly limit: number;
  /** The name that the page comes after. */
  readonly after?: string | undefined;
}

/** Images, those first to which something has happened last; one more than the limit where there are more. */
export async function listImages(
  sql: Sql,
  { search, project, limit, after }: ImageQuery,
): Promise<readonly KnownImage[]> {
  const rows = await sql.query<ImageRow>(
    `${knownImage}
     WHERE ($1::text IS NULL OR position(lower($1) IN lower(image.name)) > 0) AND ($2::text IS NULL OR image.project = $2)
       AND ($3::text IS NULL OR (image.last_at, image.name) < (SELECT last_at, name FROM history_image WHERE name = $3))
     ORDER BY image.last_at DESC, image.name DESC LIMIT $4`,
    [search, project, after, limit + 1],
  );
  return rows.map(imageOf);
}

/** The image that is, or is promoted to, a repository; `undefined` when nothing is known of one. */
export async function findImage(sql: Sql, repository: string): Promise<KnownImage | undefined> {
  const [row] = await sql.query<ImageRow>(
    `${knownImage} WHERE image.name = $1 OR image.name IN (SELECT history_mirror.image FROM history_mirror WHERE history_mirror.name = $1)
     ORDER BY image.name <> $1, image.name LIMIT 1`,
    [repository],
  );
  return row && imageOf(row);
}

/** Production repositories that an image was promoted to, by name. */
export async function mirrorsOf(sql: Sql, image: string): Promise<readonly string[]> {
  const rows = await sql.query<{ name: string }>(
    "SELECT name FROM history_mirror WHERE image = $1 ORDER BY name LIMIT 1000",
    [image],
  );
  return rows.map(({ name }) => name);
}

/** Whether merged manifests name an image's repository, or runs of this server have pushed to it. */
export async function hasImage(sql: Sql, image: string): Promise<boolean> {
  const rows = await sql.query(
    "SELECT 1 FROM history_event WHERE image = $1 AND kind IN ('asked', 'built', 'promoted') LIMIT 1",
    [image],
  );
  return rows.length > 0;
}

/** Which tags are listed. */
export interface TagQuery {
  readonly image: string;
  readonly tag?: string | undefined;
  readonly limit: number;
  /** Run and tag of the last one of the page before. */
  readonly after?: readonly [string, string] | undefined;
}

/** Tags of an image, the newest first; one more than the limit where there are more. */
export function listTags(
  sql: Sql,
  { image, tag, limit, after: [run, last] = ["", ""] }: TagQuery,
): Promise<readonly KnownTag[]> {
  return sql.query<KnownTag>(
    `SELECT image, tag, digest, at, run FROM history_tag
     WHERE image = $1 AND ($2::text IS NULL OR tag = $2)
       AND ($3 = '' OR (run, tag || '@' || digest) < (nullif($3, '')::bigint, $4))
     ORDER BY run DESC, tag || '@' || digest DESC LIMIT $5`,
    [image, tag, run, last, limit + 1],
  );
}

/** The place of a tag in the order of {@link listTags}. */
export function placeOfTag({ run, tag, digest }: KnownTag): readonly [string, string] {
  return [run, `${tag}@${digest}`];
}

/** All tags that a digest was known by. */
export function tagsOfDigest(sql: Sql, digest: string): Promise<readonly KnownTag[]> {
  return sql.query<KnownTag>(
    "SELECT image, tag, digest, at, run FROM history_tag WHERE digest = $1 ORDER BY run, tag LIMIT 1000",
    [digest],
  );
}
