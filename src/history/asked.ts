import { type Database, jsonText, type Sql } from "../database/index.ts";
import { type AskedImage, listAskedImages, listProjects, listTrees } from "../production/index.ts";

/** Images of one statement. */
const batch = 500;

/**
 * Notes what manifests ask for, once for each commit of theirs that a run has looked at: an image that was promoted before there was a
 * server is found as well. What is known already is not written again.
 * @returns How many trees were read.
 */
export async function noteAsked(db: Database): Promise<number> {
  let read = 0;
  for (const { id, repo, ref, path, commit } of await listTrees(db)) {
    if (commit === undefined) continue;
    const place = [repo, ref, path];
    const [known] = await db.query<{ commit: string }>(
      "SELECT commit FROM history_tree WHERE repo = $1 AND ref = $2 AND path = $3",
      place,
    );
    if (known?.commit === commit) continue;
    for (const { project, cells } of (await listProjects(db)).filter(({ tree }) => tree === id)) {
      const registries = new Map(cells.map(({ mirror, registry }) => [mirror, registry]));
      let after: string | undefined;
      do {
        const page = await listAskedImages(db, { project, after, limit: batch });
        const own = page.filter(({ tree }) => tree === id);
        await db.transaction((sql) => write(sql, own, `${repo} ${path}`, registries));
        after = page.length < batch ? undefined : page.at(-1)?.place;
      } while (after !== undefined);
    }
    await db.query(
      `INSERT INTO history_tree (repo, ref, path, commit) VALUES ($1, $2, $3, $4)
       ON CONFLICT (repo, ref, path) DO UPDATE SET commit = excluded.commit`,
      [...place, commit],
    );
    read += 1;
  }
  return read;
}

async function write(
  sql: Sql,
  images: readonly AskedImage[],
  key: string,
  registries: ReadonlyMap<string, string>,
): Promise<void> {
  const rows = jsonText(
    images.map(({ source, project, name, digest, tags, mirrors, lookedRun, lookedAt }) => ({
      ...{ image: source, project, digest, tags, run: lookedRun, at: lookedAt.toISOString() },
      mirrors: mirrors.map((mirror) => `${registries.get(mirror) ?? mirror}/${name}`),
    })),
  );
  const told = `jsonb_to_recordset($1::jsonb)
    AS told (image text, project text, digest text, tags jsonb, mirrors jsonb, run bigint, at timestamptz)`;
  await sql.query(
    `INSERT INTO history_image AS kept (name, project, last_at)
     SELECT DISTINCT ON (image) image, project, at FROM ${told} ORDER BY image, at
     ON CONFLICT (name) DO UPDATE SET project = excluded.project WHERE kept.project IS DISTINCT FROM excluded.project`,
    [rows],
  );
  await sql.query(
    `INSERT INTO history_mirror (name, image)
     SELECT DISTINCT mirror, image FROM ${told} CROSS JOIN LATERAL jsonb_array_elements_text(mirrors) AS mirror
     ON CONFLICT DO NOTHING`,
    [rows],
  );
  await sql.query(
    `INSERT INTO history_event AS kept (image, digest, kind, key, run, at, last_run, last_at, details)
     SELECT DISTINCT ON (image, digest) image, digest, 'asked', $2, run, at, run, at, jsonb_build_object('tags', tags) FROM ${told}
     ON CONFLICT (image, digest, kind, key) DO UPDATE SET details = excluded.details WHERE kept.details <> excluded.details`,
    [rows, key],
  );
  await sql.query(
    `INSERT INTO history_tag (image, tag, digest, run, at)
     SELECT DISTINCT ON (image, tag, digest) image, tag, digest, run, at
     FROM ${told} CROSS JOIN LATERAL jsonb_array_elements_text(tags) AS tag
     ON CONFLICT DO NOTHING`,
    [rows],
  );
}
