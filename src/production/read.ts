import type { Sql } from "../database/index.ts";
import {
  type BadHealth,
  badHealths,
  type EdgeHealth,
  type EdgeTrouble,
  healthBits,
  healthOf,
  troubleInWords,
} from "./health.ts";
import type { ManifestPlace, TroubleCounts } from "./model.ts";
import type { OffEntry } from "./rows.ts";

/** A tree that jobs look at, and its last look. */
export interface ProductionTree extends ManifestPlace {
  readonly id: number;
  readonly commit: string | undefined;
  readonly run: string | undefined;
  readonly job: string | undefined;
  readonly lookedAt: Date | undefined;
  /** When images were looked into. */
  readonly deepAt: Date | undefined;
  readonly manifestErrors: number;
  /** The last run that was ended before it had looked at all. */
  readonly cutOff: { readonly at: Date; readonly run: string } | undefined;
}

/** A project at one mirror. */
export interface ProductionCell {
  readonly mirror: string;
  /** Where its images are there. */
  readonly registry: string;
  readonly edges: number;
  readonly counts: TroubleCounts;
  /** Since when the first of what is known not to be as asked is so. */
  readonly offSince: Date | undefined;
  readonly unreadSince: Date | undefined;
}

/** A project, with its last look. */
export interface ProductionProject {
  readonly tree: number;
  readonly project: string;
  readonly images: number;
  readonly edges: number;
  readonly lookedAt: Date;
  readonly run: string;
  readonly job: string;
  /** Its manifests cannot be read since then: what stands here is what they asked for before. */
  readonly unreadableSince: Date | undefined;
  readonly cells: readonly ProductionCell[];
}

/** The trees that were looked at, in the order of their names. */
export async function listTrees(sql: Sql): Promise<readonly ProductionTree[]> {
  const rows = await sql.query<TreeRow>(
    `SELECT id, repo, ref, path, commit, run_id AS run, job, looked_at AS "lookedAt", deep_at AS "deepAt",
       manifest_errors AS "manifestErrors", cut_off_at AS "cutOffAt", cut_off_run AS "cutOffRun"
     FROM production_tree ORDER BY repo, ref, path`,
  );
  return rows.map(({ commit, run, job, lookedAt, deepAt, cutOffAt, cutOffRun, ...tree }) => ({
    ...tree,
    ...{ commit: commit ?? undefined, run: run ?? undefined, job: job ?? undefined },
    ...{ lookedAt: lookedAt ?? undefined, deepAt: deepAt ?? undefined },
    cutOff: cutOffAt === null || cutOffRun === null ? undefined : { at: cutOffAt, run: cutOffRun },
  }));
}

interface TreeRow extends ManifestPlace {
  readonly id: number;
  readonly commit: string | null;
  readonly run: string | null;
  readonly job: string | null;
  readonly lookedAt: Date | null;
  readonly deepAt: Date | null;
  readonly manifestErrors: number;
  readonly cutOffAt: Date | null;
  readonly cutOffRun: string | null;
}

/** Projects with what is known of each of their mirrors, in the order of their names. @param project That one alone. */
export async function listProjects(sql: Sql, project?: string): Promise<readonly ProductionProject[]> {
  const only = project === undefined ? "" : "WHERE project = $1";
  const values = project === undefined ? [] : [project];
  const projects = await sql.query<ProjectRow>(
    `SELECT tree, project, images, edges, looked_at AS "lookedAt", run_id AS run, job, unreadable_since AS "unreadableSince"
     FROM production_project ${only} ORDER BY project, tree`,
    values,
  );
  const cells = await sql.query<CellRow>(
    `SELECT tree, project, mirror.name AS mirror, registry, edges, ${badHealths.join(", ")}, off_since AS "offSince",
       unread_since AS "unreadSince"
     FROM production_cell JOIN production_mirror AS mirror ON mirror.id = mirror ${only} ORDER BY mirror.name`,
    values,
  );
  const ofProject = new Map<string, ProductionCell[]>();
  for (const { tree, project: name, mirror, registry, edges, offSince, unreadSince, ...counts } of cells) {
    const key = `${tree} ${name}`;
    const list = ofProject.get(key) ?? [];
    ofProject.set(key, list);
    list.push({
      mirror,
      registry,
      edges,
      counts,
      offSince: offSince ?? undefined,
      unreadSince: unreadSince ?? undefined,
    });
  }
  return projects.map(({ unreadableSince, ...row }) => ({
    ...row,
    unreadableSince: unreadableSince ?? undefined,
    cells: ofProject.get(`${row.tree} ${row.project}`) ?? [],
  }));
}

interface ProjectRow extends Omit<ProductionProject, "unreadableSince" | "cells"> {
  readonly unreadableSince: Date | null;
}

interface CellRow extends TroubleCounts {
  readonly tree: number;
  readonly project: string;
  readonly mirror: string;
  readonly registry: string;
  readonly edges: number;
  readonly offSince: Date | null;
  readonly unreadSince: Date | null;
}

/** What is not as asked of an image, the same at all of these mirrors. */
export interface ShownTrouble {
  readonly trouble: EdgeTrouble;
  readonly health: BadHealth;
  /** What is said of it, and the way out. */
  readonly text: string;
  readonly wayOut: string;
  readonly mirrors: readonly string[];
  /** Of the image as a whole without them. */
  readonly tags: readonly string[];
  readonly current: string | undefined;
  readonly since: Date;
  /** That found it first. */
  readonly run: string;
  readonly cause:
    | {
        readonly code: string;
        readonly host: string | undefined;
        readonly message: string;
        readonly hint: string | undefined;
      }
    | undefined;
}

/** An image that is asked for, with what of it is not as asked; all else is, as of the last look. */
export interface AskedImage {
  readonly tree: number;
  readonly project: string;
  readonly place: string;
  readonly name: string;
  readonly digest: string;
  readonly source: string;
  readonly at: string;
  readonly tags: readonly string[];
  readonly mirrors: readonly string[];
  readonly troubles: readonly ShownTrouble[];
  readonly lookedAt: Date;
  readonly lookedRun: string;
  readonly job: string;
  readonly unreadableSince: Date | undefined;
}

/** What images are looked for. */
export interface ImageFilter {
  readonly project?: string | undefined;
  /** A part of the name, or the beginning of a digest or a tag. */
  readonly search?: string | undefined;
  /** Of which something is so. */
  readonly healths?: readonly BadHealth[] | undefined;
  /** At which something is not as asked: a mirror, or all of a host. */
  readonly mirror?: string | undefined;
  readonly limit: number;
}

/** Images of a project, in the order of their names and the newest versions first. @param after The place of the last one of a page. */
export async function listAskedImages(
  sql: Sql,
  { after, ...filter }: ImageFilter & { readonly project: string; readonly after?: string | undefined },
): Promise<readonly AskedImage[]> {
  const { where, values } = whereOf(filter);
  if (after !== undefined) where.push(`place > $${values.push(after)} COLLATE "C"`);
  return readImages(sql, where, values, "image.place", filter.limit);
}

/** Where a page of drift goes on. */
export interface DriftPlace {
  readonly since: Date;
  readonly tree: number;
  readonly project: string;
  readonly place: string;
}

/** Images of which something is not as asked, the newest first. @param after The last one of a page, as {@link driftPlace} has it. */
export async function listDrift(
  sql: Sql,
  { after, ...filter }: ImageFilter & { readonly after?: DriftPlace | undefined },
): Promise<readonly AskedImage[]> {
  const { where, values } = whereOf(filter);
  where.push("off IS NOT NULL");
  if (after !== undefined) {
    const at = values.push(after.since);
    const [place, tree, project] = [
      values.push(after.place),
      values.push(after.tree),
      values.push(after.project),
    ];
    where.push(
      `since <= $${at}::timestamptz AND (since < $${at}::timestamptz
         OR (place, image.tree, image.project) > ($${place} COLLATE "C", $${tree}::int, $${project}))`,
    );
  }
  return readImages(sql, where, values, "since DESC, place, image.tree, image.project", filter.limit);
}

/** Where a page of drift goes on behind an image. */
export function driftPlace({ troubles, tree, project, place }: AskedImage): DriftPlace {
  const since = new Date(troubles.reduce((latest, trouble) => Math.max(latest, trouble.since.getTime()), 0));
  return { since, tree, project, place };
}

/** Whatever trees ask for by a digest, or what they call by a name. */
async function findAsked(
  sql: Sql,
  {
    digest,
    name,
    limit,
  }: { readonly digest?: string | undefined; readonly name?: string | undefined; readonly limit: number },
): Promise<readonly AskedImage[]> {
  const values: unknown[] = [];
  const where: string[] = [];
  if (digest !== undefined) where.push(`digest = $${values.push(digest)}`);
  if (name !== undefined) where.push(`name = $${values.push(name)}`);
  return readImages(sql, where, values, "image.project, image.place", limit);
}

/** A condition of SQL: some tree asks for a digest. @param digest A column, or another expression. */
export function isAskedFor(digest: string): string {
  return `EXISTS (SELECT FROM production_image WHERE production_image.digest = ${digest})`;
}

/** One image at one mirror, and how it is there. */
export interface AskedEdge
  extends ManifestPlace,
    Omit<AskedImage, "tree" | "place" | "mirrors" | "troubles"> {
  readonly commit: string | undefined;
  readonly mirror: string;
  /** The production repository. */
  readonly destination: string;
  /** The worst that is so there. */
  readonly health: EdgeHealth;
  readonly troubles: readonly Omit<ShownTrouble, "mirrors">[];
}

/** What all trees ask for of a digest, one for each mirror, in the order of projects and names. @param limit Of images. */
export async function askedOf(sql: Sql, digest: string, limit = 100): Promise<readonly AskedEdge[]> {
  const images = await findAsked(sql, { digest, limit });
  if (images.length === 0) return [];
  const trees = new Map((await listTrees(sql)).map((tree) => [tree.id, tree]));
  const cells = await sql.query<{ tree: number; project: string; mirror: string; registry: string }>(
    `SELECT cell.tree, cell.project, mirror.name AS mirror, registry FROM production_cell AS cell
     JOIN production_mirror AS mirror ON mirror.id = mirror WHERE cell.project = ANY($1::text[])`,
    [images.map(({ project }) => project)],
  );
  const registries = new Map(
    cells.map(({ tree, project, mirror, registry }) => [`${tree} ${project} ${mirror}`, registry]),
  );
  return images.flatMap(({ tree, place, mirrors, troubles, ...image }) => {
    const of = trees.get(tree);
    if (of === undefined) return [];
    const { repo, ref, path, commit } = of;
    return mirrors.map((mirror): AskedEdge => {
      const here = troubles
        .filter((trouble) => trouble.mirrors.includes(mirror))
        .map(({ mirrors: _, ...trouble }) => trouble);
      const healths = new Set(here.map(({ health }) => health));
      return {
        ...{ repo, ref, path, commit, ...image, mirror },
        destination: `${registries.get(`${tree} ${image.project} ${mirror}`) ?? mirror}/${image.name}`,
        health: badHealths.find((health) => healths.has(health)) ?? "there",
        troubles: here,
      };
    });
  });
}

function whereOf({ project, search, healths, mirror }: Omit<ImageFilter, "limit">): {
  where: string[];
  values: unknown[];
} {
  const values: unknown[] = [];
  const where: string[] = [];
  if (project !== undefined) where.push(`image.project = $${values.push(project)}`);
  if (search !== undefined) {
    const part = search.toLowerCase().replace(/[\\%_]/g, "\\$&");
    where.push(`sought LIKE $${values.push(`%${part}%`)}`);
  }
  if (healths !== undefined) {
    where.push(`off IS NOT NULL AND healths & $${values.push(healthBits(healths))}::int <> 0`);
    // In these words, for an index to be found by them: where a whole mirror is unread, all else is few.
    if (!healths.includes("unread")) where.push("healths & 31 <> 0");
    const columns = healths.join(" + ");
    where.push(projectsWith(`${columns} > 0`));
  }
  if (mirror !== undefined) {
    const [name, below] = [values.push(mirror), values.push(`${mirror.replace(/[\\%_]/g, "\\$&")}/%`)];
    const ids = `(SELECT id FROM production_mirror WHERE name = $${name} OR name LIKE $${below})`;
    where.push(`off IS NOT NULL AND off_mirrors && ARRAY${ids}`);
    where.push(projectsWith(`mirror IN ${ids} AND ${badHealths.join(" + ")} > 0`));
  }
  return { where, values };
}

/** That an image is of a project of which something is counted: most are not, and need not be looked at. */
function projectsWith(condition: string): string {
  return `(image.tree, image.project) IN (SELECT tree, project FROM production_cell WHERE ${condition})`;
}

interface ImageRow {
  readonly tree: number;
  readonly project: string;
  readonly place: string;
  readonly name: string;
  readonly digest: string;
  readonly source: string;
  readonly at: string;
  readonly tags: readonly string[];
  readonly mirrors: readonly number[];
  readonly off: readonly OffEntry[] | null;
  readonly lookedAt: Date;
  readonly lookedRun: string;
  readonly job: string;
  readonly unreadableSince: Date | null;
}

async function readImages(
  sql: Sql,
  where: readonly string[],
  values: unknown[],
  order: string,
  limit: number,
): Promise<readonly AskedImage[]> {
  const rows = await sql.query<ImageRow>(
    `SELECT image.tree, image.project, place, name, digest, source, at, tags, mirrors, off, looked_at AS "lookedAt",
       run_id AS "lookedRun", job, unreadable_since AS "unreadableSince"
     FROM production_image AS image JOIN production_project AS project
       ON project.tree = image.tree AND project.project = image.project
     ${where.length === 0 ? "" : `WHERE ${where.join(" AND ")}`} ORDER BY ${order} LIMIT $${values.push(limit)}::int`,
    values,
  );
  const mirrors = await sql.query<{ readonly id: number; readonly name: string }>(
    "SELECT id, name FROM production_mirror",
  );
  const names = new Map(mirrors.map(({ id, name }) => [id, name]));
  const numbers = [
    ...new Set(rows.flatMap(({ off }) => (off ?? []).flatMap(({ c }) => (c === undefined ? [] : [c])))),
  ];
  const causes =
    numbers.length === 0
      ? []
      : await sql.query<{
          id: number;
          code: string;
          host: string | null;
          message: string;
          hint: string | null;
        }>("SELECT id, code, host, message, hint FROM production_cause WHERE id = ANY($1::int[])", [numbers]);
  const causeOf = new Map(
    causes.map(({ id, code, host, message, hint }) => [
      id,
      { code, host: host ?? undefined, message, hint: hint ?? undefined },
    ]),
  );
  return rows.map(({ off, mirrors: at, unreadableSince, ...row }) => ({
    ...row,
    mirrors: at.map((id) => names.get(id) ?? ""),
    unreadableSince: unreadableSince ?? undefined,
    troubles: (off ?? []).map(({ t, m, g = [], d, c, s, r }) => ({
      ...{ trouble: t, health: healthOf(t), ...troubleInWords(t) },
      mirrors: m.map((id) => names.get(id) ?? ""),
      ...{ tags: g, current: d, since: new Date(s), run: r },
      cause: c === undefined ? undefined : causeOf.get(c),
    })),
  }));
}
