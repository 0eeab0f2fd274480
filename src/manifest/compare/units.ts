import { createHash } from "node:crypto";
import { type Digest, parseRepository, type RepositoryName, type Tag } from "../../oci/index.ts";
import { blocksByName } from "../image-blocks.ts";
import type { ImageEntry, PromoterManifest } from "../model.ts";

/** All blocks of one image of one manifest: what is asked of every registry that the manifest promotes to. */
export interface Unit {
  /** Units with the same identity ask for the same, from the same staging repository. */
  readonly identity: string;
  readonly name: string;
  readonly source: RepositoryName;
  readonly wants: ReadonlyMap<Digest, Want>;
}

/** What a unit asks for of one digest. */
export interface Want {
  /** `file:line:column` of the digest. */
  readonly at: string;
  /** With the `file:line:column` of each. */
  readonly tags: ReadonlyMap<Tag, string>;
}

/** Production repositories that the same units of either state write. */
export interface JointRepositories {
  /** In the order of their names. */
  readonly destinations: readonly RepositoryName[];
  readonly before: readonly Unit[];
  readonly after: readonly Unit[];
  /** Both states ask for the same. */
  readonly isSame: boolean;
}

/** The units of a manifest. */
export function unitsOf(manifest: PromoterManifest): Unit[] {
  return [...blocksByName(manifest.images)].map(([name, blocks]) => {
    const source = parseRepository(`${manifest.source.name}/${name}`);
    const wants = wantsOf(blocks, manifest.imagesFile);
    return { identity: identityOf(source, wants), name, source, wants };
  });
}

/** Brings together the repositories of two states that are written by the same units before, and by the same after. */
export function joinRepositories(
  before: readonly PromoterManifest[],
  after: readonly PromoterManifest[],
): Iterable<JointRepositories> {
  const units = new Map<PromoterManifest, readonly Unit[]>();
  const numbers = new Map<string, number>();
  const sides = [before, after].map((manifests) => writersOf(manifests, units, numbers));
  const [written = new Map(), writes = new Map()] = sides;
  const groups = new Map<string, { destinations: RepositoryName[] } & JointRepositories>();
  for (const destination of new Set([...written.keys(), ...writes.keys()].sort())) {
    const one: Writers = written.get(destination) ?? new Map();
    const other: Writers = writes.get(destination) ?? new Map();
    const [key, otherKey] = [keyOf(one), keyOf(other)];
    const group = groups.get(`${key}|${otherKey}`);
    if (group !== undefined) group.destinations.push(destination);
    else {
      groups.set(`${key}|${otherKey}`, {
        destinations: [destination],
        before: [...one.values()],
        after: [...other.values()],
        isSame: key === otherKey,
      });
    }
  }
  return groups.values();
}

/** The units that write one repository, by the number of their identity. */
type Writers = Map<number, Unit>;

function writersOf(
  manifests: readonly PromoterManifest[],
  units: Map<PromoterManifest, readonly Unit[]>,
  numbers: Map<string, number>,
): Map<RepositoryName, Writers> {
  const writers = new Map<RepositoryName, Writers>();
  for (const manifest of manifests) {
    const own = units.get(manifest) ?? unitsOf(manifest);
    units.set(manifest, own);
    for (const unit of own) {
      const number = numbers.get(unit.identity) ?? numbers.size;
      numbers.set(unit.identity, number);
      for (const { name } of manifest.destinations) {
        const destination = parseRepository(`${name}/${unit.name}`);
        const known = writers.get(destination) ?? new Map<number, Unit>();
        if (!known.has(number)) known.set(number, unit);
        writers.set(destination, known);
      }
    }
  }
  return writers;
}

function keyOf(writers: Writers): string {
  return [...writers.keys()].sort((one, other) => one - other).join(" ");
}

function wantsOf(blocks: readonly ImageEntry[], file: string): ReadonlyMap<Digest, Want> {
  const place = ({ line, column }: ImageEntry["at"]): string => `${file}:${line}:${column}`;
  const wants = new Map<Digest, { at: string; tags: Map<Tag, string> }>();
  for (const { digest, tags, at } of blocks.flatMap(({ digests }) => digests)) {
    const want = wants.get(digest) ?? { at: place(at), tags: new Map<Tag, string>() };
    for (const entry of tags) if (!want.tags.has(entry.tag)) want.tags.set(entry.tag, place(entry.at));
    wants.set(digest, want);
  }
  return wants;
}

function identityOf(source: string, wants: Unit["wants"]): string {
  const lines = [...wants].map(([digest, { tags }]) => `${digest} ${[...tags.keys()].sort().join(" ")}`);
  return createHash("sha256")
    .update(`${source}\n${lines.sort().join("\n")}`)
    .digest("base64");
}
