import type { Sql } from "../database/index.ts";

/** What of the history can be found. */
export const foundTypes = ["image", "tag", "digest", "commit", "pull", "project"] as const;

export type FoundType = (typeof foundTypes)[number];

/** Something that fits what was looked for. */
export interface FoundInHistory {
  readonly type: FoundType;
  /** What it is called: in this order hits of a type are given. */
  readonly name: string;
  readonly image?: string | undefined;
  readonly tag?: string | undefined;
  readonly digest?: string | undefined;
  /** The newest run that is about it. */
  readonly run?: string | undefined;
  readonly at?: Date | undefined;
  readonly title?: string | undefined;
}

/** What is looked for. */
export interface HistoryQuery {
  readonly text: string;
  readonly limit: number;
  /** The name of the last hit of the page before. */
  readonly after?: string | undefined;
}

/** Hexadecimal digits of a digest or commit that say which one is meant. */
const fewestDigits = 7;

/** Runs of one commit whose images are looked through. */
const maxRuns = 200;

/** Behind all texts that begin with another one, in the order of bytes. */
const last = "\u{10FFFF}";

interface Row extends Omit<FoundInHistory, "type"> {}

type Finder = (sql: Sql, query: HistoryQuery) => Promise<readonly Row[]>;

/** A reference, as far as it has the form of one: its repository may be the end of a name. */
function referenceIn(text: string): {
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
} {
  const [name = "", digest] = text.split("@", 2);
  const [, repository = name, tag] = /^(.+):([^/:]+)$/.exec(name) ?? [];
  return { repository, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
}

function hexIn(text: string, most: number): string | undefined {
  const hex = /^(?:sha256:)?([0-9a-f]+)$/i.exec(text)?.[1]?.toLowerCase();
  return hex !== undefined && hex.length >= fewestDigits && hex.length <= most ? hex : undefined;
}

const finders: Readonly<Record<FoundType, Finder>> = {
  async image(sql, { text, limit, after }) {
    const { repository } = referenceIn(text);
    return sql.query<Row>(
      `SELECT name, name AS image, last_at AS at FROM history_image
       WHERE (position(lower($1) IN lower(name)) > 0
         OR name IN (SELECT image FROM history_mirror WHERE position(lower($1) IN lower(history_mirror.name)) > 0))
         AND ($2::text IS NULL OR name > $2)
       ORDER BY name LIMIT $3`,
      [repository, after, limit],
    );
  },

  async tag(sql, { text, limit, after }) {
    const { repository, tag } = referenceIn(text);
    if (tag !== undefined) {
      return sql.query<Row>(
        `SELECT image || ':' || tag AS name, image, tag, digest, run, at FROM history_tag
         WHERE tag = $2 AND (image = $1 OR right(image, length($1) + 1) = '/' || $1 OR EXISTS (
             SELECT FROM history_mirror AS mirror WHERE mirror.image = history_tag.image
               AND (mirror.name = $1 OR right(mirror.name, length($1) + 1) = '/' || $1)))
           AND ($3::text IS NULL OR image || ':' || tag > $3)
         ORDER BY name LIMIT $4`,
        [repository, tag, after, limit],
      );
    }
    if (!/^[\w][\w.-]{0,127}$/.test(text)) return [];
    return sql.query<Row>(
      `SELECT tag || ' ' || image AS name, image, tag, digest, run, at FROM history_tag
       WHERE tag >= $1 AND tag < $1 || $2 AND ($3::text IS NULL OR (tag, image) > (split_part($3, ' ', 1), split_part($3, ' ', 2)))
       ORDER BY tag, image LIMIT $4`,
      [text, last, after, limit],
    );
  },

  async digest(sql, { text, limit, after }) {
    const hex = hexIn(referenceIn(text).digest ?? text, 64);
    if (hex === undefined) return [];
    // Of a commit, what was built of it is meant.
    return sql.query<Row>(
      `SELECT found.digest AS name, found.digest, event.image, event.at FROM (
         (SELECT DISTINCT digest FROM history_event
          WHERE digest >= $1 AND digest < $1 || 'g' AND ($2::text IS NULL OR digest > $2) ORDER BY digest LIMIT $3)
         UNION
         (WITH told AS MATERIALIZED (
            SELECT run FROM history_run WHERE commit >= $4 AND commit < $4 || 'g' ORDER BY commit LIMIT ${maxRuns}
          )
          SELECT DISTINCT digest FROM told JOIN history_event ON history_event.run = told.run
          WHERE history_event.kind = 'built' AND ($2::text IS NULL OR digest > $2) ORDER BY digest LIMIT $3)
         ORDER BY digest LIMIT $3
       ) AS found CROSS JOIN LATERAL (
         SELECT image, at FROM history_event WHERE history_event.digest = found.digest ORDER BY at LIMIT 1
       ) AS event ORDER BY name`,
      [`sha256:${hex}`, after, limit, hex],
    );
  },

  async commit(sql, { text, limit, after }) {
    const hex = hexIn(text, 40);
    if (hex === undefined) return [];
    return sql.query<Row>(
      `SELECT commit AS name, max(run)::text AS run, max(ended_at) AS at FROM history_run
       WHERE commit >= $1 AND commit < $1 || 'g' AND ($2::text IS NULL OR commit > $2)
       GROUP BY commit ORDER BY commit LIMIT $3`,
      [hex, after, limit],
    );
  },

  async pull(sql, { text, limit, after }) {
    const number = /^[#!]?([0-9]{1,9})$/.exec(text)?.[1];
    const isUrl = /^https?:\/\//.test(text);
    if (number === undefined && !isUrl) return [];
    return sql.query<Row>(
      `SELECT url AS name, title, run, at FROM history_pull
       WHERE (number = $1::int OR url = $2) AND ($3::text IS NULL OR url > $3) ORDER BY url LIMIT $4`,
      [number, isUrl ? text : undefined, after, limit],
    );
  },

  async project(sql, { text, limit, after }) {
    return sql.query<Row>(
      `SELECT project AS name, max(last_at) AS at FROM history_image
       WHERE position(lower($1) IN lower(project)) > 0 AND ($2::text IS NULL OR project > $2)
       GROUP BY project ORDER BY project LIMIT $3`,
      [text, after, limit],
    );
  },
};

/** What of one type fits a text, in the order of names; one more than the limit where there is more. */
export async function findInHistory(
  sql: Sql,
  type: FoundType,
  { text, limit, after }: HistoryQuery,
): Promise<readonly FoundInHistory[]> {
  const rows = await finders[type](sql, { text, limit: limit + 1, after });
  return rows.map((row) => ({ type, ...row }));
}
