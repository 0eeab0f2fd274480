import { WaybillError } from "../errors/index.ts";
import {
  type Descriptor,
  formatPlatform,
  formatReference,
  type ImageContent,
  type ImageDocument,
  isIndexType,
  readImageContent,
  type Target,
} from "../oci/index.ts";
import { placeOf, RegistryError, type Repository } from "../registry/index.ts";
import { readConfig } from "./config.ts";
import { besideInWords } from "./tags.ts";

/**
 * The manifest or index a reference stands for, bytes as stored.
 * @param name Names the repository in errors.
 * @throws {RegistryError} `manifest-missing` when there is none.
 */
export async function fetchDocument(
  repository: Repository,
  target: Target,
  name: string = repository.name,
): Promise<ImageDocument> {
  const document = await repository.fetch(target);
  if (document !== undefined) return document;
  throw noSuchImage(repository, target, name);
}

function noSuchImage(repository: Repository, target: Target, name: string): RegistryError {
  return new RegistryError("manifest-missing", "there is no such image", {
    ...placeOf(repository),
    where: formatReference(name, target),
    hint: [`look at its tags: waybill ls ${name}`, besideInWords(name)]
      .filter((words) => words !== "")
      .join("; or at what there is beside it: "),
  });
}

/** How an image is identified. */
export interface IdentifyOptions {
  /** The image of an index for one platform, `os/architecture[/variant]`, instead of the index. */
  readonly platform?: string | undefined;
  /** Compute the digest of the bytes, instead of taking what the registry says. */
  readonly read?: boolean;
}

/**
 * What a tag or digest stands for, by one `HEAD` where nothing has to be read; a registry that says no digest has it computed.
 * @param name Names the repository in errors.
 * @throws {RegistryError} `manifest-missing` when there is none, or when it cannot be found out.
 * @throws {WaybillError} `platform-missing`, `platform-ambiguous`.
 */
export async function identifyImage(
  repository: Repository,
  target: Target,
  name: string = repository.name,
  { platform, read = false }: IdentifyOptions = {},
): Promise<Descriptor> {
  if (!read && platform === undefined) {
    const found = await repository.resolve(target);
    if (found === undefined) throw noSuchImage(repository, target, name);
    return found;
  }
  const root = await fetchDocument(repository, target, name);
  if (platform === undefined) return root.descriptor;
  const where = formatReference(name, target);
  const content = readImageContent(root, where);
  if (!isIndexType(content.mediaType)) {
    await expectPlatform(repository, content, platform, where);
    return root.descriptor;
  }
  const { digest } = entryFor(content.children, platform, where);
  return identifyImage(repository, digest, name, { read });
}

/** Whether an entry of an index is for a platform, of which the variant may be left out. */
export function isFor({ platform }: Descriptor, name: string): boolean {
  const full = platform === undefined ? "" : formatPlatform(platform);
  return full === name || full.startsWith(`${name}/`);
}

/** An index that has nothing for a platform. */
export function noSuchPlatform(entries: readonly Descriptor[], name: string, where: string): WaybillError {
  return new WaybillError("platform-missing", `the index has no image for ${name}`, {
    where,
    hint: `it has ${platformsOf(entries).join(", ") || "no platforms"}; --raw shows the index itself`,
  });
}

/** The platforms that entries of an index say they are for. */
export function platformsOf(entries: readonly Descriptor[]): readonly string[] {
  return entries.flatMap(({ platform }) => (platform === undefined ? [] : [formatPlatform(platform)]));
}

/** The only entry for exactly that platform or, when there is none, for a variant of it. */
function entryFor(entries: readonly Descriptor[], name: string, where: string): Descriptor {
  const fitting = entries.filter((entry) => isFor(entry, name));
  const exact = fitting.filter(({ platform }) => platform && formatPlatform(platform) === name);
  const [entry, ...others] = exact.length > 0 ? exact : fitting;
  if (entry === undefined) throw noSuchPlatform(entries, name, where);
  if (others.every(({ digest }) => digest === entry.digest)) return entry;
  const choice = [entry, ...others].map((each) => `${platformsOf([each])} (${each.digest})`);
  throw new WaybillError("platform-ambiguous", `the index has ${choice.length} images for ${name}`, {
    where,
    hint: `name the variant, or the image by its digest: ${choice.join(", ")}`,
  });
}

async function expectPlatform(
  repository: Repository,
  { blobs: [config] }: ImageContent,
  name: string,
  where: string,
): Promise<void> {
  const { os, architecture, variant } = await readConfig(repository, config);
  const own = [os, architecture, variant].filter(Boolean).join("/");
  if (own === name || own.startsWith(`${name}/`)) return;
  const message = `it is one image, for ${own || "no platform"}, not for ${name}`;
  throw new WaybillError("platform-missing", message, { where, hint: "leave --platform out" });
}
