import { isUtf8 } from "node:buffer";
import { join } from "node:path";
import * as z from "zod/mini";
import { type DurableFiles, type HeldLock, holdingLock, readAt } from "../../disk/index.ts";
import { phrase } from "../../errors/index.ts";
import { jsonIn } from "../../oci/index.ts";
import { RegistryError } from "../errors.ts";
import {
  folderExists,
  type GuardedFolder,
  makeFolder,
  onDisk,
  openRegular,
  sizeOfRegular,
  storageFailure,
  within,
} from "./files.ts";
import { emptyIndex, formatIndex, type LayoutIndex, parseIndex } from "./index.ts";

/** A change of an index; the same object means that nothing changes. */
type Change = (index: LayoutIndex) => LayoutIndex;

/** Bytes of an `index.json`: about 200,000 entries. */
const maxIndexBytes = 64 * 1024 * 1024;

const layoutVersion = "1.0.0";

/**
 * What an image layout lists, and the one way to change it, which `files` writes; `drafts` is where files under construction
 * and the lock are.
 */
export function openCatalog(layout: GuardedFolder, drafts: GuardedFolder, files: DurableFiles) {
  const file = join(layout.path, "index.json");
  const marker = join(layout.path, "oci-layout");
  let known: { readonly state: string; readonly index: LayoutIndex } | undefined;
  let prepared: Promise<void> | undefined;

  const read = async (): Promise<LayoutIndex | undefined> => {
    if (!(await folderExists(layout))) return undefined;
    const handle = await openRegular(file);
    if (handle === undefined) return undefined;
    try {
      const { ino, size, mtimeNs, ctimeNs } = await handle.stat({ bigint: true });
      const state = `${ino} ${size} ${mtimeNs} ${ctimeNs}`;
      if (known?.state === state) return known.index;
      if (size > maxIndexBytes)
        throw new RegistryError("too-large", phrase`the index has ${size} bytes`, { where: file });
      await checkMarker(marker);
      known = { state, index: parseIndex(await readAt(handle, 0, Number(size)), file) };
      return known.index;
    } catch (error) {
      throw storageFailure(error, file);
    } finally {
      await handle.close();
    }
  };

  const makeLayout = async () => {
    await makeFolder(layout);
    await makeFolder(drafts);
    await onDisk(files.sweep(), drafts.path);
    await makeFolder(within(layout, "blobs"));
    const isNew = (await sizeOfRegular(marker)) === undefined && (await sizeOfRegular(file)) === undefined;
    if (isNew) {
      const content = `${JSON.stringify({ imageLayoutVersion: layoutVersion })}\n`;
      await onDisk(files.replace(marker, content), marker);
    }
    await checkMarker(marker);
  };

  const commit = async (changes: readonly Change[], lock: HeldLock): Promise<boolean> => {
    const before = (await read()) ?? emptyIndex;
    const after = changes.reduce((index, change) => change(index), before);
    if (after === before) return true;
    return onDisk(lock.replace(file, formatIndex(after)), file);
  };

  return {
    /** The index as it is now, the same object while the file is unchanged; `undefined` when there is no layout. */
    read,
    /** Makes the folder an image layout, if it is none yet, so that blobs can be written. */
    prepare(): Promise<void> {
      prepared ??= makeLayout().catch((error) => {
        prepared = undefined;
        throw error;
      });
      return prepared;
    },
    /**
     * Changes the index. Changes that are asked for at the same time are written together, and processes wait for each
     * other, so none is lost; when it resolves, the change is on the disk. The layout must be prepared.
     */
    change(change: Change): Promise<void> {
      const lock = join(drafts.path, "lock");
      return together(layout.path, change, async (changes) => {
        while (!(await holdingLock(lock, (held) => commit(changes, held), { failure: storageFailure })));
      });
    },
  };
}

const markerSchema = z.looseObject({ imageLayoutVersion: z.literal(layoutVersion) });
const maxMarkerBytes = 64 * 1024;

function isMarker(bytes: Buffer): boolean {
  return isUtf8(bytes) && markerSchema.safeParse(jsonIn(new TextDecoder().decode(bytes))).success;
}

/** @throws {RegistryError} `unsupported` when the `oci-layout` file is missing or of another version. */
async function checkMarker(marker: string): Promise<void> {
  const handle = await openRegular(marker);
  const bytes =
    handle && (await onDisk(readAt(handle, 0, maxMarkerBytes), marker).finally(() => handle.close()));
  if (bytes !== undefined && isMarker(bytes)) return;
  const message =
    handle === undefined
      ? "index.json stands here without an oci-layout file: this is no image layout"
      : `oci-layout does not say version ${layoutVersion}`;
  throw new RegistryError("unsupported", message, { where: marker });
}

interface Waiting {
  readonly change: Change;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Changes that wait, by folder, while others of that folder are being written. */
const queues = new Map<string, Waiting[]>();

/** Hands the changes of one folder to `commit` one group after the other, each with all that came in meanwhile. */
function together(
  folder: string,
  change: Change,
  commit: (changes: readonly Change[]) => Promise<void>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const waiting = { change, resolve, reject };
    const queue = queues.get(folder);
    if (queue !== undefined) return void queue.push(waiting);
    const started = [waiting];
    queues.set(folder, started);
    void drain(folder, started, commit);
  });
}

async function drain(
  folder: string,
  queue: Waiting[],
  commit: (changes: readonly Change[]) => Promise<void>,
): Promise<void> {
  while (queue.length > 0) {
    const group = queue.splice(0);
    try {
      await commit(group.map(({ change }) => change));
      for (const { resolve } of group) resolve();
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
  }
  queues.delete(folder);
}
