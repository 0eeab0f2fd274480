import type { Sql } from "../database/index.ts";
import { describeImage } from "../inspect/index.ts";
import type { Digest } from "../oci/index.ts";
import type { Repository } from "../registry/index.ts";
import type { ImageContents } from "./model.ts";

/** Layers that are kept of one image: those of all platforms are some hundred. */
const maxLayers = 1_000;

/**
 * Reads what a digest is made of; `undefined` when the repository does not have it.
 * @throws {RegistryError} when it cannot be read, {@link OciError} when it is not as it should be.
 */
export async function readContents(
  repository: Repository,
  digest: Digest,
): Promise<ImageContents | undefined> {
  const found = await describeImage(repository, digest);
  if (found === undefined) return undefined;
  const { mediaType, artifactType, created, size: bytes, platforms, layers, isPartial } = found;
  return {
    ...{ mediaType, artifactType, created, bytes, platforms },
    layers: layers.slice(0, maxLayers).map(({ digest: layer, size }) => ({ digest: layer, bytes: size })),
    isPartial: isPartial || layers.length > maxLayers,
  };
}

/** Keeps what a digest is made of, which never changes; but for a part of it: the rest may still come. */
export async function keepContents(
  sql: Sql,
  { image, digest }: { readonly image: string; readonly digest: string },
  contents: ImageContents,
  now: Date,
): Promise<void> {
  if (contents.isPartial) return;
  await sql.query(
    `INSERT INTO history_contents (image, digest, bytes, document, read_at) VALUES ($1, $2, $3, $4::jsonb, $5)
     ON CONFLICT DO NOTHING`,
    [image, digest, contents.bytes, contents, now],
  );
}

/** What a digest is made of, as far as anybody has looked. */
export async function keptContents(
  sql: Sql,
  { image, digest }: { readonly image: string; readonly digest: string },
): Promise<ImageContents | undefined> {
  const [row] = await sql.query<{ document: ImageContents }>(
    "SELECT document FROM history_contents WHERE image = $1 AND digest = $2",
    [image, digest],
  );
  return row?.document;
}

/** A digest of an image, and how large it is where that is known. */
export interface SizedDigest {
  readonly digest: Digest;
  readonly tag: string | undefined;
  readonly at: Date;
  readonly bytes: number | undefined;
}

/** The last digests of an image, the oldest first, with their sizes. */
export async function sizesOf(sql: Sql, image: string, limit: number): Promise<readonly SizedDigest[]> {
  const rows = await sql.query<{ digest: Digest; tag: string | null; at: Date; bytes: string | null }>(
    `SELECT known.digest, known.at, history_contents.bytes, (
       SELECT tag FROM history_tag WHERE history_tag.image = $1 AND history_tag.digest = known.digest ORDER BY run, tag DESC LIMIT 1
     ) AS tag
     FROM (
       SELECT digest, min(at) AS at FROM history_event WHERE image = $1 AND kind IN ('asked', 'built', 'promoted', 'reviewed')
       GROUP BY digest ORDER BY at DESC, digest LIMIT $2
     ) AS known LEFT JOIN history_contents ON history_contents.image = $1 AND history_contents.digest = known.digest
     ORDER BY known.at, known.digest`,
    [image, limit],
  );
  return rows.map(({ digest, tag, at, bytes }) => ({
    ...{ digest, at, tag: tag ?? undefined },
    bytes: bytes === null ? undefined : Number(bytes),
  }));
}

/** The digest of an image that came before another one; `undefined` for the first. */
export async function predecessorOf(
  sql: Sql,
  { image, digest }: { readonly image: string; readonly digest: string },
): Promise<Digest | undefined> {
  const [row] = await sql.query<{ digest: Digest }>(
    `SELECT digest FROM history_event WHERE image = $1 AND digest <> $2 AND kind IN ('asked', 'built', 'promoted', 'reviewed')
     GROUP BY digest
     HAVING min(at) < (SELECT min(at) FROM history_event WHERE image = $1 AND digest = $2)
     ORDER BY min(at) DESC, digest LIMIT 1`,
    [image, digest],
  );
  return row?.digest;
}
