import { createHash } from "node:crypto";
import {
  type Descriptor,
  type Digest,
  isDigest,
  mediaTypes,
  parseDigest,
  parseTag,
  type RepositoryName,
  splitRepository,
  type Tag,
} from "../../src/oci/index.ts";
import {
  type Listing,
  RegistryError,
  type RegistryErrorCode,
  type Repository,
} from "../../src/registry/index.ts";

/** A digest for a nickname such as `one`. */
export function digestFor(nickname: string): Digest {
  return parseDigest(`sha256:${createHash("sha256").update(nickname).digest("hex")}`);
}

/** Repositories by full name; what each holds: nickname of a digest → its tags. */
export type Contents = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

export interface MemoryOptions {
  /** Tell digests and children in listings, as Google's registries do. */
  readonly listsManifests?: boolean;
  /** Repositories that cannot be read. */
  readonly broken?: Readonly<Record<string, RegistryErrorCode>>;
  /** Digests, by nickname, that are something else than images. */
  readonly mediaTypes?: Readonly<Record<string, string>>;
  /** When digests, by nickname, were pushed, where listings tell it. */
  readonly uploadedAt?: Readonly<Record<string, string>>;
  /** Digests, by nickname, that are listed but not there. */
  readonly lost?: readonly string[];
}

/** Registries in memory, for reading only, that note every request. */
export function memoryRegistries(contents: Contents, options: MemoryOptions = {}) {
  const requests: string[] = [];
  const pushed = new Map(
    Object.entries(options.uploadedAt ?? {}).map(([name, time]) => [digestFor(name), new Date(time)]),
  );
  const lost = new Set(options.lost?.map(digestFor));
  const types = new Map(
    Object.entries(options.mediaTypes ?? {}).map(([name, type]) => [digestFor(name), type]),
  );

  const heldIn = (name: string): Map<Digest, Tag[]> | undefined => {
    const held = contents[name];
    if (held === undefined) return undefined;
    return new Map(Object.entries(held).map(([nickname, tags]) => [digestFor(nickname), tags.map(parseTag)]));
  };

  const ask = (name: string, what: string): void => {
    requests.push(`${what} ${name}`);
    const code = options.broken?.[name];
    if (code !== undefined) throw new RegistryError(code, "broken on purpose", { where: name });
  };

  const open = (name: RepositoryName): Repository => ({
    name,
    address: name,
    host: splitRepository(name).host,
    listsManifests: options.listsManifests ?? false,
    async resolve(target): Promise<Descriptor | undefined> {
      ask(name, `resolve ${target} in`);
      const held = [...(heldIn(name) ?? [])];
      const found = held.find(([digest, tags]) =>
        isDigest(target) ? digest === target : tags.includes(target),
      );
      if (found === undefined || lost.has(found[0])) return undefined;
      return { digest: found[0], mediaType: types.get(found[0]) ?? mediaTypes.ociManifest, size: 1 };
    },
    async list(): Promise<Listing | undefined> {
      ask(name, "list");
      const held = heldIn(name);
      const below = Object.keys(contents).filter((other) => other.startsWith(`${name}/`));
      const children = below.map((other) => other.slice(name.length + 1).split("/", 1)[0] ?? "");
      if (held === undefined && !(options.listsManifests && children.length > 0)) return undefined;
      const entries = [...(held ?? [])].map(
        ([digest, tags]) =>
          [
            digest,
            { tags, mediaType: undefined, imageSize: undefined, uploadedAt: pushed.get(digest) },
          ] as const,
      );
      return {
        tags: [...(held ?? [])].flatMap(([, tags]) => tags),
        manifests: options.listsManifests ? new Map(entries) : undefined,
        children: options.listsManifests ? [...new Set(children)] : [],
      };
    },
    // Nothing is attached to any image.
    fetch: async () => undefined,
    open: unsupported,
    referrers: async () => [],
    has: unsupported,
    probe: unsupported,
    push: unsupported,
    put: unsupported,
    delete: unsupported,
  });

  return {
    open,
    /** As `_catalog` answers; leave it out to have a registry without one. */
    async *catalog(prefix: string) {
      requests.push(`catalog ${prefix}`);
      yield* Object.keys(contents).filter((name) => name.startsWith(`${prefix}/`));
    },
    /** What was asked, in order; emptied by reading it. */
    takeRequests: () => requests.splice(0),
  };
}

async function unsupported(): Promise<never> {
  throw new Error("a merge never does this");
}
