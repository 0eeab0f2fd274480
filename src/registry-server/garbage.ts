import { access, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  durableFiles,
  holdingLock,
  ifPresent,
  isKnownToHaveEnded,
  processMark,
  sweep,
} from "../disk/index.ts";
import { messageOf } from "../errors/index.ts";
import { type Collected, collect } from "./collect.ts";
import { RegistryServerError } from "./errors.ts";
import { type Layout, layoutOf } from "./layout.ts";

export type { Collected } from "./collect.ts";

/** What is to be taken away from a registry's folder. */
export interface CollectRequest {
  /** The folder. Servers may be running in it. */
  readonly dir: string;
  /** Whether manifests go too that no tag leads to: neither itself, nor by an index, nor as a referrer. */
  readonly untagged?: boolean;
  /**
   * Milliseconds for which what nothing refers to stays, because a push may be about to. Without it an hour while a server is
   * running, and none at all when there is none: then nobody can go on with a push.
   */
  readonly minAgeMilliseconds?: number;
  /** Look, and take nothing away. */
  readonly dryRun?: boolean;
}

const minAgeWhileServed = 60 * 60 * 1000;

let announced = 0;

/** Says that a server is running in the folder; what is returned takes it back. */
export async function announceServing(layout: Layout): Promise<() => Promise<void>> {
  announced += 1;
  const file = join(layout.serving, `${processMark()}.${announced}`);
  await writeFile(file, "");
  return () => rm(file, { force: true });
}

async function isServed(layout: Layout): Promise<boolean> {
  await sweep(layout.serving, { owner: (name) => name });
  return ((await ifPresent(readdir(layout.serving))) ?? []).some((owner) => !isKnownToHaveEnded(owner));
}

/**
 * Gives back the room of blobs that no manifest of their repository refers to, also while servers are running and taking
 * in pushes. Killed at any moment it has taken away nothing that is referred to.
 * @throws {RegistryServerError} `storage-unusable` when the folder holds no registry, or cannot be changed.
 */
export async function collectGarbage(
  request: CollectRequest,
): Promise<Collected & { readonly minAgeMilliseconds: number }> {
  const { dir, untagged = false, dryRun = false } = request;
  const layout = layoutOf(dir);
  const started = Date.now();
  const refused = (cause: unknown) =>
    new RegistryServerError("storage-unusable", `nothing can be taken away there: ${messageOf(cause)}`, {
      where: dir,
      hint: "name the folder of a registry that you may write, the one of waybill registry serve --dir",
      cause,
    });
  try {
    await access(layout.version);
    const minAgeMilliseconds =
      request.minAgeMilliseconds ?? ((await isServed(layout)) ? minAgeWhileServed : 0);
    // Times of files have fractions of the millisecond in which this begins.
    const options = { untagged, dryRun, before: started + 1 - minAgeMilliseconds };
    const work = () => collect(layout, durableFiles(layout.temporary), options);
    const collected = dryRun
      ? await work()
      : await holdingLock(layout.collecting, work, { failure: refused });
    return { ...collected, minAgeMilliseconds };
  } catch (thrown) {
    throw thrown instanceof RegistryServerError ? thrown : refused(thrown);
  }
}
