// What a saved plan of a large tree costs, with everything to do and with nothing: its size, the time that it takes to
// plan, to write it and to read it back, and the most memory of each: node bench/plan-size.mjs TREE [RUNS]
//
// The registries are made up, in this process: staging holds every image, production none or all of them.
import { rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { line, measure, treeFromArguments } from "./measure.mjs";

const self = fileURLToPath(import.meta.url);
const [, , first, ...rest] = process.argv;

if (first === "plan") await plan(...rest);
else if (first === "read") await read(...rest);
else await compare();

async function compare() {
  const tree = treeFromArguments("bench/plan-size.mjs TREE [RUNS]");
  const runs = Number(process.argv[3] ?? 5);
  for (const [state, title] of [
    ["absent", "everything to do"],
    ["present", "nothing to do"],
    ["half", "half of it to do, another half at each mirror"],
  ]) {
    const file = join(tmpdir(), `waybill-plan-${process.pid}-${state}.json`);
    const planned = [];
    const written = [];
    const readBack = [];
    for (let run = 0; run < runs; run += 1) {
      planned.push(await measure([self, "plan", tree, state]));
      written.push(await measure([self, "plan", tree, state, file]));
      readBack.push(await measure([self, "read", file]));
    }
    const { size } = await stat(file);
    await rm(file);
    const { summary } = JSON.parse(written[0].stdout);
    process.stdout.write(`${title}: ${size} bytes, ${JSON.stringify(summary)}\n`);
    const seconds = (results) => results.map(({ stdout }) => JSON.parse(stdout).seconds);
    const resident = (results) => results.map(({ residentMiB }) => residentMiB);
    line("plan: resident", resident(planned), "MiB");
    line("plan and write: resident", resident(written), "MiB");
    line("write", seconds(written), "s");
    line("read back", seconds(readBack), "s");
    line("read back: resident", resident(readBack), "MiB");
  }
}

/** Plans, and writes the plan to a file where one is named: how long the writing took. */
async function plan(tree, state, file) {
  const { formatPlan, promote, readManifests } = await import("../dist/index.js");
  const { createWriteStream } = await import("node:fs");
  const { Readable } = await import("node:stream");
  const { pipeline } = await import("node:stream/promises");
  const manifests = await readManifests(tree);
  const open = registries(manifests.manifests, state);
  const made = await promote({ tree: manifests, open, confirm: false });
  const began = performance.now();
  if (file !== undefined) await pipeline(Readable.from(formatPlan(made.plan)), createWriteStream(file));
  tell(began, made.plan);
}

/** Reads a plan back, as `promote --plan` does. */
async function read(file) {
  const { readNamedInPieces, readPlan } = await import("../dist/internal.js");
  const began = performance.now();
  tell(began, await readPlan(readNamedInPieces(file), file));
}

function tell(began, { summary }) {
  const seconds = (performance.now() - began) / 1000;
  process.stdout.write(JSON.stringify({ seconds, summary }));
}

/** Staging with every image that is asked for, and production with none of them, with all, or with about half. */
function registries(manifests, state) {
  const held = new Map();
  let turn = 1;
  /** The same in each run, and without any pattern (Park and Miller's generator). */
  const isHeld = () => {
    turn = (turn * 48_271) % 2_147_483_647;
    return state === "present" || turn % 2 === 0;
  };
  if (state !== "absent") {
    for (const { destinations, images } of manifests) {
      for (const { name, digests } of images) {
        for (const destination of destinations) {
          const repository = `${destination.name}/${name}`;
          const listed = held.get(repository) ?? new Map();
          held.set(repository, listed);
          for (const { digest, tags } of digests) {
            if (!isHeld()) continue;
            const more = tags.map(({ tag }) => tag);
            listed.set(digest, { tags: [...(listed.get(digest)?.tags ?? []), ...more] });
          }
        }
      }
    }
  }
  const staging = new Set(
    manifests.flatMap(({ source, images }) => images.map(({ name }) => `${source.name}/${name}`)),
  );
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const bytes = new TextEncoder().encode("{}");
  return (name) => {
    const manifests = held.get(name);
    const tags = manifests === undefined ? [] : [...manifests.values()].flatMap((found) => found.tags);
    return {
      name,
      address: name,
      host: name.slice(0, name.indexOf("/")),
      listsManifests: true,
      resolve: async () => undefined,
      list: async () => (manifests === undefined ? undefined : { tags, manifests }),
      fetch: async (digest) =>
        manifests?.has(digest) || staging.has(name)
          ? { descriptor: { digest, mediaType, size: bytes.length }, bytes }
          : undefined,
    };
  };
}
