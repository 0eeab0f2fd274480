import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod/mini";
import { type DurableFiles, diskFaultOf, durableFiles, ifPresent, makeFolder } from "../disk/index.ts";
import { type BlobReader, type BlobStore, blobStore } from "./blob-store.ts";
import { type Catalog, catalogOf } from "./catalog.ts";
import { giveBack } from "./collect.ts";
import { RegistryServerError } from "./errors.ts";
import { announceServing } from "./garbage.ts";
import { type Layout, layoutOf } from "./layout.ts";
import { type ManifestReader, type ManifestStore, manifestStore } from "./manifest-store.ts";
import { openRoom, type Room } from "./room.ts";
import { openUploadSessions, type UploadSessions } from "./upload-sessions.ts";

export interface Holdings {
  readonly blobs: BlobReader;
  readonly manifests: ManifestReader;
  readonly catalog: Catalog;
}

export interface Storage extends Holdings {
  readonly blobs: BlobStore;
  readonly manifests: ManifestStore;
  readonly uploads: UploadSessions;
  readonly room: Room;
  /** Lets go what this process has of it, for whoever serves the folder next. */
  close(): Promise<void>;
}

const layoutVersion = 1;
const versionSchema = z.object({ layout: z.number() });

/**
 * Opens the registry in a folder, or makes a new one, and clears what a process that was killed left out of sight:
 * old upload sessions and drafts, and bytes that no repository has. Other processes may be serving the folder: what
 * they are about to give a name is left alone.
 * @throws {RegistryServerError} `storage-unusable` when the folder cannot be written, holds another layout, or has no
 * hard links.
 */
export async function openStorage(dir: string, maxSize?: number): Promise<Storage> {
  const layout = layoutOf(dir);
  const files = durableFiles(layout.temporary);
  try {
    await prepare(layout, files);
    const room = openRoom(layout, maxSize, () => uploads.giveUpIdle());
    const uploads = openUploadSessions(layout, room);
    const stopServing = await announceServing(layout);
    await uploads.sweep(Date.now());
    await giveBack(layout);
    await room.measure();
    return {
      blobs: blobStore(layout, files),
      manifests: manifestStore(layout, files),
      catalog: catalogOf(layout),
      uploads,
      room,
      async close() {
        await uploads.release();
        await stopServing();
      },
    };
  } catch (cause) {
    if (cause instanceof RegistryServerError) throw cause;
    const message = `the folder cannot hold a registry: ${diskFaultOf(cause).message}`;
    const hint = "choose a folder on a local disk that you may write";
    throw new RegistryServerError("storage-unusable", message, { where: dir, hint, cause });
  }
}

async function prepare(layout: Layout, files: DurableFiles): Promise<void> {
  const { blobs, repositories, uploads, temporary, serving } = layout;
  for (const folder of [blobs, repositories, uploads, temporary, serving]) await makeFolder(folder);
  const text = await ifPresent(readFile(layout.version, "utf8"));
  if (text === undefined)
    await files.replace(layout.version, `${JSON.stringify({ layout: layoutVersion })}\n`);
  else refuseOtherLayout(text, layout);
  await refuseWithoutLinks(layout, files);
}

function refuseOtherLayout(text: string, layout: Layout): void {
  const version = versionSchema.safeParse(JSON.parse(text));
  if (version.success && version.data.layout === layoutVersion) return;
  const message = "the folder was written by another version of the registry";
  const hint = "choose another folder, or run the version that wrote this one";
  throw new RegistryServerError("storage-unusable", message, { where: layout.version, hint });
}

async function refuseWithoutLinks(layout: Layout, files: DurableFiles): Promise<void> {
  const probe = join(layout.temporary, `probe-${process.pid}`);
  try {
    await rm(probe, { force: true });
    await files.link(layout.version, probe);
  } finally {
    await rm(probe, { force: true });
  }
}
