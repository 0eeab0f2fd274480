import { createHash } from "node:crypto";
import { copyFile, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import ts from "typescript";

const root = resolve(import.meta.dirname, "../..");
const keptMilliseconds = 24 * 60 * 60 * 1000;

/**
 * The folder that holds `src/` as JavaScript, one file for each, so that a test can start real Node processes on any
 * supported version: `node --input-type=module`, or `join(folder, "bin/waybill.js")`. Lies within the project, where
 * packages resolve, and is made once for each state of the sources.
 */
export async function compileSources(): Promise<string> {
  const sources = join(root, "src");
  const files = (await readdir(sources, { recursive: true })).filter((path) => path.endsWith(".ts")).sort();
  const texts = await Promise.all(files.map((path) => readFile(join(sources, path), "utf8")));
  const state = createHash("sha256")
    .update(JSON.stringify([files, texts, ts.version]))
    .digest("hex");
  const kept = join(root, ".cache", "compiled");
  const done = join(kept, state.slice(0, 16));
  if (await exists(done)) return join(done, "src");

  const draft = `${done}-${process.pid}`;
  for (const [at, path] of files.entries()) {
    const target = join(draft, "src", path.replace(/\.ts$/, ".js"));
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, compile(path, texts[at] ?? ""));
  }
  await copyFile(join(root, "package.json"), join(draft, "package.json"));
  // Another test process may have been quicker: its result is the same.
  await rename(draft, done).catch(() => rm(draft, { recursive: true, force: true }));
  await removeOld(kept);
  return join(done, "src");
}

function compile(fileName: string, text: string): string {
  const compilerOptions: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    verbatimModuleSyntax: true,
    rewriteRelativeImportExtensions: true,
  };
  return ts.transpileModule(text, { fileName, compilerOptions }).outputText;
}

async function removeOld(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
    if (mtimeMs < Date.now() - keptMilliseconds) await rm(path, { recursive: true, force: true });
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
