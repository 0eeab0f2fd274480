import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  export interface ProvidedContext {
    /** The folder that `scripts/build.mjs` filled, or why it could not. */
    built: { folder: string } | { failure: string };
  }
}

const root = resolve(import.meta.dirname, "../..");
/** Lies within the project, where packages resolve and files are modules. */
const kept = join(root, ".cache", "built");
const keptMilliseconds = 24 * 60 * 60 * 1000;

/** Runs before all tests: builds once what those tests need that start programs of ours. */
export default async function setup(project: TestProject): Promise<void> {
  const provide = async () => project.provide("built", await builtOrNot());
  await provide();
  project.onTestsRerun(provide);
}

/** A failure is told to those who start a program: other tests can be run while some room is in pieces. */
async function builtOrNot(): Promise<{ folder: string } | { failure: string }> {
  return build().then(
    (folder) => ({ folder }),
    (error: unknown) => ({ failure: String(error) }),
  );
}

/** The folder for this state of the sources, which any number of runs share. */
async function build(): Promise<string> {
  const done = join(kept, await stateOfSources());
  const now = new Date();
  const isThere = await utimes(done, now, now).then(
    () => true,
    () => false,
  );
  if (isThere) return done;
  const draft = `${done}-${process.pid}`;
  await mkdir(draft, { recursive: true });
  try {
    await promisify(execFile)(process.execPath, [join(root, "scripts", "build.mjs"), draft], { cwd: root });
    // Another run may have been quicker: its result is the same.
    await rename(draft, done).catch(() => stat(done));
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  await removeOld();
  return done;
}

async function stateOfSources(): Promise<string> {
  const sources = (await readdir(join(root, "src"), { recursive: true })).filter((path) =>
    /\.(?:tsx?|css|svg|json)$/.test(path),
  );
  const settings = [
    "package.json",
    "package-lock.json",
    "tsdown.config.ts",
    "waybill.schema.json",
    "jobs.schema.json",
    "policy.schema.json",
  ];
  const scripts = [
    "scripts/assets.ts",
    "scripts/build.mjs",
    "scripts/builtins-on-use.ts",
    "scripts/bundled.json",
  ];
  const files = [...sources.map((path) => join("src", path)).sort(), ...settings, ...scripts];
  const texts = await Promise.all(files.map((path) => readFile(join(root, path), "utf8")));
  return createHash("sha256")
    .update(JSON.stringify([files, texts]))
    .digest("hex")
    .slice(0, 16);
}

async function removeOld(): Promise<void> {
  for (const name of await readdir(kept)) {
    const path = join(kept, name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
    if (mtimeMs < Date.now() - keptMilliseconds) await rm(path, { recursive: true, force: true });
  }
}
