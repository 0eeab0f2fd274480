import { lstat, readdir, rmdir } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { durableFiles, errorCodeOf, ifPresent, makeFolder, openRegular } from "../disk/index.ts";
import { contentOf, cutShort } from "./content.ts";
import { diskFailure, ObjectError, stepsOf, stepsOfFolder } from "./errors.ts";
import type { ListedObject, ListOptions, ObjectContent, ObjectRange, ObjectStore } from "./model.ts";

/** Folder for what is not finished. What begins with a dot at the top of the folder is no object. */
const unfinished = ".unfinished";

/**
 * Objects as the files of a folder, which is made when the first is put. Any number of processes may use it. Links are not
 * followed, and what is no regular file is no object.
 */
export function openObjectFolder(folder: string): ObjectStore {
  const top = resolve(folder);
  const files = durableFiles(join(top, unfinished));
  const pathOf = (steps: readonly string[]): string => join(top, ...steps);

  return {
    where: top,
    async put(path, given) {
      const target = pathOf(visible(path));
      const content = contentOf(given);
      try {
        const draft = await files.begin();
        try {
          await writeAll(draft, content, target);
          await named(target, () => draft.keepAs(target));
        } finally {
          await draft.discard();
        }
      } catch (error) {
        throw diskFailure(error, "objects-unwritable", target);
      }
    },
    async get(path, range) {
      const steps = stepsOf(path);
      const target = pathOf(steps);
      try {
        // No link on the way leads out of the folder.
        for (let depth = 1; depth < steps.length; depth += 1) {
          const found = await ifPresent(lstat(pathOf(steps.slice(0, depth))));
          if (found?.isDirectory() !== true) return undefined;
        }
        const file = await openRegular(target).catch((error: unknown) => {
          if (errorCodeOf(error) === "EFTYPE" || errorCodeOf(error) === "ELOOP") return undefined;
          throw error;
        });
        if (file === undefined) return undefined;
        const { size } = await file.stat();
        return { size, body: bytesIn(file, size, range, target) };
      } catch (error) {
        throw diskFailure(error, "objects-unreadable", target);
      }
    },
    async *list(path, options = {}) {
      const steps = stepsOfFolder(path);
      try {
        yield* entriesBelow(pathOf(steps), path, options);
      } catch (error) {
        throw diskFailure(error, "objects-unreadable", pathOf(steps));
      }
    },
    async delete(path) {
      const target = pathOf(visible(path));
      try {
        await files.remove(target);
        await removeEmpty(dirname(target), top);
      } catch (error) {
        throw diskFailure(error, "objects-unwritable", target);
      }
    },
  };
}

function visible(path: string): readonly string[] {
  const steps = stepsOf(path);
  if (steps[0]?.startsWith(".") !== true) return steps;
  throw new ObjectError("invalid-object-path", "an object of a folder does not begin with a dot", {
    where: path,
  });
}

type Draft = Awaited<ReturnType<ReturnType<typeof durableFiles>["begin"]>>;

async function writeAll(draft: Draft, { size, open }: ObjectContent, where: string): Promise<void> {
  let written = 0;
  for await (const piece of open()) {
    await draft.write(piece);
    written += piece.length;
  }
  if (written !== size) throw cutShort(written, size, where);
}

/** Does what needs a folder; once more when somebody removes it in between because nothing was in it. */
async function named(path: string, work: () => Promise<void>): Promise<void> {
  for (let round = 1; ; round += 1) {
    await makeFolder(dirname(path));
    try {
      return await work();
    } catch (error) {
      if (errorCodeOf(error) !== "ENOENT" || round === 10) throw error;
    }
  }
}

type File = NonNullable<Awaited<ReturnType<typeof openRegular>>>;

async function* bytesIn(
  file: File,
  size: number,
  { from, to = size }: ObjectRange = { from: 0 },
  where: string,
): AsyncGenerator<Uint8Array, void> {
  const end = Math.min(to, size) - 1;
  try {
    if (from <= end) yield* file.createReadStream({ start: from, end, autoClose: false });
  } catch (error) {
    throw diskFailure(error, "objects-unreadable", where);
  } finally {
    await file.close();
  }
}

async function* entriesBelow(
  folder: string,
  path: string,
  options: ListOptions,
): AsyncGenerator<ListedObject, void> {
  const { isDeep = false, after = "" } = options;
  const entries = (await ifPresent(readdir(folder, { withFileTypes: true }))) ?? [];
  const named = entries
    .filter(({ name }) => path !== "" || !name.startsWith("."))
    .filter((entry) => entry.isDirectory() || entry.isFile())
    // As in a bucket, where a folder is the beginning of longer names.
    .map((entry) => ({ entry, at: `${path}${entry.name}${entry.isDirectory() ? "/" : ""}` }))
    .sort((a, b) => (a.at < b.at ? -1 : 1));
  for (const { entry, at } of named) {
    const mayHoldMore = isDeep && entry.isDirectory() && after.startsWith(at);
    if (at <= after && !mayHoldMore) continue;
    const inner = join(folder, entry.name);
    if (!entry.isDirectory()) {
      const found = await ifPresent(lstat(inner));
      if (found?.isFile()) yield { path: at, size: found.size };
    } else if (isDeep) {
      yield* entriesBelow(inner, at, options);
    } else {
      yield { path: at, size: undefined };
    }
  }
}

/** Removes a folder and those above it below the top, as long as there is nothing in them. */
async function removeEmpty(folder: string, top: string): Promise<void> {
  for (let at = folder; at.startsWith(`${top}${sep}`); at = dirname(at)) {
    const isGone = await rmdir(at).then(
      () => true,
      (error: unknown) => errorCodeOf(error) === "ENOENT",
    );
    if (!isGone) return;
  }
}
