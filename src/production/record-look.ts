import { type Database, jsonText, type Sql } from "../database/index.ts";
import { askedMark, type FoldedImage, type FoldedProject, foldLook } from "./fold.ts";
import { badHealths } from "./health.ts";
import type { ManifestPlace, ProductionLook } from "./model.ts";
import {
  addCount,
  contractOff,
  countAtMirrors,
  datedTroubles,
  emptyCount,
  expandOff,
  type MirrorCount,
  type OffEntry,
  searchOf,
} from "./rows.ts";
import { countOnce, sampleLook } from "./samples.ts";

/** Rows of one statement. */
const batch = 1_000;
/** Trees that nobody has looked at for so long are forgotten. */
const forgottenAfter = "90 days";

/** What became of a look: another one that began later knows more than it does. */
export type LookOutcome = "recorded" | "counted already" | "cut off" | "older";

/**
 * Remembers what a run has found production to hold, in one transaction: whoever reads sees the state before or the one after. The same
 * attempt counts once. Of what is the same again nothing is written but that it was looked at.
 * @param fence Throws in a transaction in which the attempt may not write any more.
 * @throws {DatabaseError}
 */
export async function recordLook(
  db: Database,
  look: ProductionLook,
  fence?: ((sql: Sql) => Promise<void>) | undefined,
): Promise<LookOutcome> {
  const folded = look.isWhole ? foldLook(look.edges, look.troubles) : [];
  return db.transaction(async (sql) => {
    await fence?.(sql);
    const tree = await lockTree(sql, look.place);
    if (!(await countOnce(sql, "look", look))) return "counted already";
    const outcome = await remember(sql, tree, look, folded);
    await sampleLook(sql, tree.id, look);
    return outcome;
  });
}

interface KnownTree {
  readonly id: number;
  readonly lookedAt: Date | null;
  readonly deepAt: Date | null;
}

async function lockTree(sql: Sql, { repo, ref, path }: ManifestPlace): Promise<KnownTree> {
  await sql.query(
    `DELETE FROM production_tree WHERE (repo, ref, path) <> ($1, $2, $3)
       AND greatest(looked_at, cut_off_at) < now() - interval '${forgottenAfter}'`,
    [repo, ref, path],
  );
  await sql.query(
    "INSERT INTO production_tree (repo, ref, path) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    [...[repo, ref, path]],
  );
  const [tree] = await sql.query<KnownTree>(
    `SELECT id, looked_at AS "lookedAt", deep_at AS "deepAt" FROM production_tree
     WHERE repo = $1 AND ref = $2 AND path = $3 FOR UPDATE`,
    [repo, ref, path],
  );
  if (tree === undefined) throw new TypeError("a row that was just written is not there");
  return tree;
}

/** What of a look counts: another one that began later has looked at the same, or not as deep. */
interface Weight {
  readonly isShallow: boolean;
  readonly isDeep: boolean;
}

async function remember(
  sql: Sql,
  tree: KnownTree,
  look: ProductionLook,
  folded: readonly FoldedProject[],
): Promise<LookOutcome> {
  if (!look.isWhole) {
    await sql.query("UPDATE production_tree SET cut_off_at = $2, cut_off_run = $3 WHERE id = $1", [
      ...[tree.id, look.began, look.run],
    ]);
    return "cut off";
  }
  const isNewer = (known: Date | null): boolean => known === null || look.began >= known;
  const weight = { isShallow: isNewer(tree.lookedAt), isDeep: look.isDeep && isNewer(tree.deepAt) };
  if (!weight.isShallow && !weight.isDeep) return "older";
  const mirrorOf = await mirrorNumbers(sql, folded);
  const causeOf = await causeNumbers(sql, tree.id, folded, weight);
  const marks = await sql.query<KnownMarks>(
    `SELECT project, asked_mark AS "askedMark", deep_mark AS "deepMark" FROM production_project WHERE tree = $1`,
    [tree.id],
  );
  const known = new Map(marks.map((row) => [row.project, row]));
  for (const project of folded) {
    const before = known.get(project.project);
    if (before === undefined && !weight.isShallow) continue;
    const isSame =
      before !== undefined &&
      (!weight.isShallow || before.askedMark === project.askedMark) &&
      (!weight.isDeep || before.deepMark === project.deepMark);
    if (!isSame) await writeProject(sql, { tree: tree.id, look, weight, project, before, mirrorOf, causeOf });
  }
  if (weight.isShallow) await closeLook(sql, tree.id, look, folded);
  if (weight.isDeep)
    await sql.query("UPDATE production_tree SET deep_at = $2 WHERE id = $1", [tree.id, look.began]);
  await dropUnusedCauses(sql, tree.id);
  return "recorded";
}

interface KnownMarks {
  readonly project: string;
  readonly askedMark: string;
  readonly deepMark: string;
}

/** Says of all projects when they were looked at, and takes out what nobody asks for any more. */
async function closeLook(
  sql: Sql,
  tree: number,
  { began, run, job, commit, unreadable, manifestErrors }: ProductionLook,
  folded: readonly FoldedProject[],
): Promise<void> {
  await sql.query(
    `UPDATE production_tree SET looked_at = $2, run_id = $3, job = $4, commit = $5, manifest_errors = $6 WHERE id = $1`,
    [tree, began, run, job, commit, manifestErrors],
  );
  const read = folded.map(({ project }) => project);
  await sql.query(
    `UPDATE production_project SET looked_at = $2, run_id = $3, job = $4, unreadable_since = NULL
     WHERE tree = $1 AND project = ANY($5::text[])`,
    [tree, began, run, job, read],
  );
  const unread = unreadable.filter((project) => !read.includes(project));
  await sql.query(
    `UPDATE production_project SET unreadable_since = $2
     WHERE tree = $1 AND project = ANY($3::text[]) AND unreadable_since IS NULL`,
    [tree, began, unread],
  );
  await sql.query("DELETE FROM production_project WHERE tree = $1 AND NOT project = ANY($2::text[])", [
    ...[tree, [...read, ...unread]],
  ]);
}

async function mirrorNumbers(sql: Sql, folded: readonly FoldedProject[]): Promise<(name: string) => number> {
  const names = [...new Set(folded.flatMap(({ registries }) => [...registries.keys()]))].sort();
  const read = () =>
    sql.query<{ readonly name: string; readonly id: number }>(
      "SELECT name, id FROM production_mirror WHERE name = ANY($1::text[])",
      [names],
    );
  let rows = await read();
  if (rows.length < names.length) {
    await sql.query(
      "INSERT INTO production_mirror (name) SELECT unnest($1::text[]) ORDER BY 1 ON CONFLICT DO NOTHING",
      [names],
    );
    rows = await read();
  }
  const numbers = new Map(rows.map(({ name, id }) => [name, id]));
  return (name) => {
    const number = numbers.get(name);
    if (number === undefined) throw new TypeError(`no mirror ${name}`);
    return number;
  };
}

async function causeNumbers(
  sql: Sql,
  tree: number,
  folded: readonly FoldedProject[],
  { isShallow, isDeep }: Weight,
): Promise<(key: string) => number | undefined> {
  const causes = new Map(
    folded.flatMap(({ images }) =>
      images.flatMap(({ shallow, deep }) =>
        [...(isShallow ? shallow : []), ...(isDeep ? deep : [])].flatMap(({ cause }) =>
          cause === undefined ? [] : [[cause.key, cause] as const],
        ),
      ),
    ),
  );
  const keys = [...causes.keys()];
  const read = () =>
    sql.query<{ readonly key: string; readonly id: number }>(
      "SELECT key, id FROM production_cause WHERE tree = $1 AND key = ANY($2::text[])",
      [tree, keys],
    );
  let rows = keys.length === 0 ? [] : await read();
  if (rows.length < keys.length) {
    for (const part of partsOf([...causes.values()])) {
      await sql.query(
        `INSERT INTO production_cause (tree, key, code, host, message, hint)
         SELECT $1, key, code, host, message, hint
         FROM jsonb_to_recordset($2::jsonb) AS cause (key text, code text, host text, message text, hint text)
         ON CONFLICT DO NOTHING`,
        [tree, jsonText(part)],
      );
    }
    rows = await read();
  }
  const numbers = new Map(rows.map(({ key, id }) => [key, id]));
  return (key) => numbers.get(key);
}

async function dropUnusedCauses(sql: Sql, tree: number): Promise<void> {
  await sql.query(
    `DELETE FROM production_cause WHERE tree = $1 AND id NOT IN (
       SELECT DISTINCT (entry->>'c')::int FROM production_image, jsonb_array_elements(off) AS entry
       WHERE tree = $1 AND off IS NOT NULL AND entry ? 'c')`,
    [tree],
  );
}

interface KnownImage {
  readonly place: string;
  readonly name: string;
  readonly digest: string;
  readonly source: string;
  readonly at: string;
  readonly tags: readonly string[];
  readonly mirrors: readonly number[];
  readonly mark: string;
  readonly off: readonly OffEntry[] | null;
}

interface ProjectToWrite {
  readonly tree: number;
  readonly look: ProductionLook;
  readonly weight: Weight;
  readonly project: FoldedProject;
  readonly before: KnownMarks | undefined;
  readonly mirrorOf: (name: string) => number;
  readonly causeOf: (key: string) => number | undefined;
}

/** Writes what is not as it was of one project, and counts its edges anew. */
async function writeProject(sql: Sql, of: ProjectToWrite): Promise<void> {
  const { tree, look, weight, project, before, mirrorOf, causeOf } = of;
  const { project: name, images } = project;
  if (before === undefined) {
    await sql.query(
      `INSERT INTO production_project (tree, project, images, edges, asked_mark, deep_mark, looked_at, run_id, job)
       VALUES ($1, $2, 0, 0, '', '', $3, $4, $5)`,
      [tree, name, look.began, look.run, look.job],
    );
  }
  const rows = await sql.query<KnownImage>(
    `SELECT place, name, digest, source, at, tags, mirrors, mark, off FROM production_image WHERE tree = $1 AND project = $2`,
    [tree, name],
  );
  const known = new Map(rows.map((row) => [`${row.name} ${row.digest}`, row]));
  const dating = {
    ...{ ...weight, mirrorOf, causeOf },
    since: look.began.getTime(),
    run: look.run,
  };
  const toWrite: object[] = [];
  const kept = new Set<string>();
  const cells = new Map<number, MirrorCount>();
  let edges = 0;
  const found = new Map(images.map((image) => [image.key, image]));
  for (const { key, asked, row } of weight.isShallow ? askedNow(images, known) : askedBefore(rows)) {
    const image = found.get(key) ?? { shallow: [], deep: [] };
    const troubles = datedTroubles(image, expandOff(row?.off ?? null), dating);
    const off = contractOff(troubles);
    const mirrors = asked === undefined ? (row?.mirrors ?? []) : asked.mirrors.map(mirrorOf);
    const tags = asked?.tags ?? row?.tags ?? [];
    for (const [mirror, count] of countAtMirrors(tags, mirrors, troubles)) {
      const cell = cells.get(mirror) ?? emptyCount();
      cells.set(mirror, cell);
      addCount(cell, count);
      edges += count.edges;
    }
    const place = asked?.place ?? row?.place ?? "";
    kept.add(place);
    const mark = asked === undefined ? (row?.mark ?? "") : askedMark(asked);
    const isSame = row !== undefined && row.place === place && row.mark === mark && sameOff(row.off, off);
    if (isSame) continue;
    const {
      name: imageName,
      digest,
      source,
      at,
    } = asked ?? row ?? { name: "", digest: "", source: "", at: "" };
    const search = searchOf(troubles);
    toWrite.push({
      ...{ place, name: imageName, digest, source, at, tags, mirrors, mark, off },
      ...{
        off_mirrors: search.mirrors,
        healths: search.healths,
        sought: soughtText(imageName, digest, tags),
      },
      since: search.since === null ? null : new Date(search.since).toISOString(),
    });
  }
  const gone = rows.filter(({ place }) => !kept.has(place)).map(({ place }) => place);
  for (const part of partsOf(gone)) {
    await sql.query(
      "DELETE FROM production_image WHERE tree = $1 AND project = $2 AND place = ANY($3::text[])",
      [...[tree, name, part]],
    );
  }
  for (const part of partsOf(toWrite)) await sql.query(putImages, [tree, name, jsonText(part)]);
  await writeCells(sql, of, cells);
  await sql.query(
    `UPDATE production_project SET images = $3, edges = $4,
       asked_mark = CASE WHEN $5 THEN $6 ELSE asked_mark END, deep_mark = CASE WHEN $7 THEN $8 ELSE deep_mark END
     WHERE tree = $1 AND project = $2`,
    [tree, name, kept.size, edges, weight.isShallow, project.askedMark, weight.isDeep, project.deepMark],
  );
}

/** An image that is asked for now, or was when another look began that was later. */
interface ToRemember {
  readonly key: string;
  readonly asked: FoldedImage | undefined;
  readonly row: KnownImage | undefined;
}

function askedNow(
  images: readonly FoldedImage[],
  known: ReadonlyMap<string, KnownImage>,
): readonly ToRemember[] {
  return images.map((asked) => ({ key: asked.key, asked, row: known.get(asked.key) }));
}

function askedBefore(rows: readonly KnownImage[]): readonly ToRemember[] {
  return rows.map((row) => ({ key: `${row.name} ${row.digest}`, asked: undefined, row }));
}

/** What an image is found by, as a part of it. */
function soughtText(name: string, digest: string, tags: readonly string[]): string {
  return [name, digest, ...tags].join(" ").toLowerCase();
}

/** JSON of the database has its keys in an order of its own. */
function sameOff(one: readonly OffEntry[] | null, other: readonly OffEntry[] | null): boolean {
  if (one === null || other === null) return one === other;
  return one.length === other.length && one.every((entry, at) => offText(entry) === offText(other[at]));
}

function offText(entry: OffEntry | undefined): string {
  return entry === undefined
    ? ""
    : JSON.stringify([entry.t, entry.m, entry.g, entry.d, entry.c, entry.s, entry.r]);
}

const putImages = `
  INSERT INTO production_image (tree, project, place, name, digest, source, at, tags, mirrors, mark, off, off_mirrors, healths, since,
    sought)
  SELECT $1, $2, place, name, digest, source, at, tags, mirrors, mark, CASE WHEN jsonb_typeof(off) = 'array' THEN off END, off_mirrors,
    healths, since, sought
  FROM jsonb_to_recordset($3::jsonb) AS image (place text, name text, digest text, source text, at text, tags jsonb, mirrors int[],
    mark text, off jsonb, off_mirrors int[], healths int, since timestamptz, sought text)
  ON CONFLICT (tree, project, place) DO UPDATE SET name = excluded.name, digest = excluded.digest, source = excluded.source,
    at = excluded.at, tags = excluded.tags, mirrors = excluded.mirrors, mark = excluded.mark, off = excluded.off,
    off_mirrors = excluded.off_mirrors, healths = excluded.healths, since = excluded.since, sought = excluded.sought`;

async function writeCells(
  sql: Sql,
  { tree, project: { project, registries }, weight, mirrorOf }: ProjectToWrite,
  cells: ReadonlyMap<number, MirrorCount>,
): Promise<void> {
  const names = new Map([...registries].map(([name, registry]) => [mirrorOf(name), registry]));
  const known = weight.isShallow
    ? new Map<number, string>()
    : new Map(
        (
          await sql.query<{ readonly mirror: number; readonly registry: string }>(
            "SELECT mirror, registry FROM production_cell WHERE tree = $1 AND project = $2",
            [tree, project],
          )
        ).map(({ mirror, registry }) => [mirror, registry]),
      );
  await sql.query("DELETE FROM production_cell WHERE tree = $1 AND project = $2", [tree, project]);
  const rows = Array.from(cells, ([mirror, { edges, troubles, offSince, unreadSince }]) => ({
    ...{ mirror, registry: known.get(mirror) ?? names.get(mirror) ?? "", edges },
    ...troubles,
    off_since: offSince === undefined ? null : new Date(offSince).toISOString(),
    unread_since: unreadSince === undefined ? null : new Date(unreadSince).toISOString(),
  }));
  await sql.query(
    `INSERT INTO production_cell (tree, project, mirror, registry, edges, ${badHealths.join(", ")}, off_since, unread_since)
     SELECT $1, $2, mirror, registry, edges, ${badHealths.join(", ")}, off_since, unread_since
     FROM jsonb_to_recordset($3::jsonb) AS cell (mirror int, registry text, edges int,
       ${badHealths.map((health) => `${health} int`).join(", ")}, off_since timestamptz, unread_since timestamptz)`,
    [tree, project, jsonText(rows)],
  );
}

function partsOf<Item>(items: readonly Item[]): readonly (readonly Item[])[] {
  const parts: Item[][] = [];
  for (let at = 0; at < items.length; at += batch) parts.push(items.slice(at, at + batch));
  return parts;
}
