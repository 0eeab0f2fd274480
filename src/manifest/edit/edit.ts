import { LineIndex, printable } from "../../diagnostics/index.ts";
import { type Digest, isDigest, isTag, repositoryFault, type Tag } from "../../oci/index.ts";
import { parseYaml, type YamlDocument, type YamlScalar, YamlSyntaxError } from "../../yaml/index.ts";
import { addEntries, orderOf } from "./entries.ts";
import { ManifestEditError, type TagCollision } from "./error.ts";
import { addImages, type NewImage } from "./images.ts";
import {
  type DigestLine,
  type ImageBlock,
  type ImageList,
  readImageList,
  sharedByAlias,
  tagNodes,
} from "./layout.ts";
import { placeIn } from "./order.ts";
import { addTags } from "./tags.ts";
import { applyEdits, linesEditedWithin, type TextEdit } from "./text.ts";
import { type AddedEntry, additionsBetween, NotOnlyAdded } from "./verify.ts";

/** A digest that an image is to list, with tags or (tagless promotion) without. */
export interface ImageAddition {
  /** Below the registry: `foo`, or `sub/foo`. */
  readonly image: string;
  readonly digest: Digest;
  readonly tags: readonly Tag[];
}

/** One tag of a digest, or the digest alone, and the line it stands on. */
export interface ListedEdge {
  readonly image: string;
  readonly digest: Digest;
  /** `undefined` for a digest that was asked for without tags. */
  readonly tag: Tag | undefined;
  /** In the edited text, counted from 1. */
  readonly line: number;
}

/** An edited list of images. */
export interface ImagesEdit {
  /** The whole new text; the very text that was given when nothing had to be added. */
  readonly text: string;
  /** What the new text lists and the old one did not, in the order of its lines. */
  readonly added: readonly ListedEdge[];
  /** What was asked for and stood there already. */
  readonly present: readonly ListedEdge[];
  /**
   * Lines of the new text that are old lines with something written into them, as a new tag within brackets is. All
   * other differences are whole new lines.
   */
  readonly changedLines: readonly number[];
}

/**
 * Adds digests and tags to the text of an `images.yaml`, or of a plain manifest. Nothing that stands in the text goes
 * away or moves: comments, order, quotes, line breaks and a missing final newline stay. New lines go where the
 * order of their image (or else of the file) suggests, in the file's own style; a new tag of a listed digest goes
 * into the list that is there. The result is parsed again and compared with the old text node by node.
 * @throws {ManifestEditError} `tag-collision` with all tags that stand at other digests of their image,
 * `contradictory-additions`, `invalid-image-name`; `not-an-image-list`, `repeated-key`, `shared-by-alias` and
 * `unsafe-edit` for files that cannot be edited without damage.
 * @throws {YamlSyntaxError} for a text that is no YAML.
 */
export function addToImages(text: string, additions: readonly ImageAddition[]): ImagesEdit {
  const mark = text.startsWith("\uFEFF") ? "\uFEFF" : "";
  const edit = addToPlainText(text.slice(mark.length), combined(additions));
  return mark === "" ? edit : { ...edit, text: mark + edit.text };
}

/**
 * What a text lists and the one before it did not. Nothing where they differ in more than that, or either is no list of images: then
 * nobody can tell what was added.
 */
export function imagesAdded(before: string, after: string): readonly ImageAddition[] {
  let entries: readonly AddedEntry[];
  try {
    const [old, now] = [before, after].map((text) => readImageList(parseYaml(text).root));
    entries = old === undefined || now === undefined ? [] : additionsBetween(old, now);
  } catch (error) {
    const isUntold =
      error instanceof NotOnlyAdded || error instanceof ManifestEditError || error instanceof YamlSyntaxError;
    if (!isUntold) throw error;
    return [];
  }
  const added = new Map<string, ImageAddition>();
  for (const { image, digest, tag } of entries) {
    if (!isDigest(digest) || !(tag === undefined || isTag(tag))) continue;
    const key = `${image}@${digest}`;
    const tags = added.get(key)?.tags ?? [];
    added.set(key, { image, digest, tags: tag === undefined ? tags : [...tags, tag] });
  }
  return [...added.values()];
}

/** What is to be listed: by image, by digest. */
type Wanted = ReadonlyMap<string, ReadonlyMap<Digest, ReadonlySet<Tag>>>;

function combined(additions: readonly ImageAddition[]): Wanted {
  const wanted = new Map<string, Map<Digest, Set<Tag>>>();
  for (const { image, digest, tags } of additions) {
    const fault = repositoryFault(`localhost/${image}`);
    if (fault !== undefined) {
      throw new ManifestEditError(
        "invalid-image-name",
        `${JSON.stringify(printable(image))} is no image name: ${fault}`,
      );
    }
    const digests = wanted.get(image) ?? new Map<Digest, Set<Tag>>();
    wanted.set(image, digests);
    const known = digests.get(digest) ?? new Set<Tag>();
    digests.set(digest, known);
    for (const tag of tags) known.add(tag);
  }
  for (const [image, digests] of wanted) refuseContradictions(image, digests);
  return wanted;
}

function refuseContradictions(image: string, digests: ReadonlyMap<Digest, ReadonlySet<Tag>>): void {
  const holders = new Map<Tag, Digest>();
  for (const [digest, tags] of digests) {
    for (const tag of tags) {
      const other = holders.get(tag);
      if (other !== undefined) {
        throw new ManifestEditError(
          "contradictory-additions",
          `${image}:${tag} is to be added at two digests, ${other} and ${digest}`,
        );
      }
      holders.set(tag, digest);
    }
  }
}

function addToPlainText(text: string, wanted: Wanted): ImagesEdit {
  const document = parseYaml(text);
  const images = readImageList(document.root);
  const missing = missingFrom(images, wanted, text);
  const edits = planEdits(text, images, missing);
  if (edits.length === 0) {
    return { text, added: [], present: listedEdges(images, wanted, new LineIndex(text)), changedLines: [] };
  }
  const edited = applyEdits(text, edits);
  const after = readAgain(edited, document);
  const additions = checkedAdditions(images, after, missing);
  const lines = new LineIndex(edited);
  const listed = listedEdges(after, wanted, lines);
  return {
    text: edited,
    added: listed.filter((edge) => additions.has(edgeKey(edge))),
    present: listed.filter((edge) => !additions.has(edgeKey(edge))),
    changedLines: [...new Set(linesEditedWithin(text, edits).map((offset) => lines.at(offset).line))],
  };
}

/** What of a wanted image the file does not list yet. */
interface MissingImage {
  readonly image: string;
  readonly blocks: readonly ImageBlock[];
  readonly digests: readonly MissingDigest[];
}

interface MissingDigest {
  readonly digest: Digest;
  readonly tags: readonly Tag[];
  /** Where it stands already, with other tags. */
  readonly at: { readonly block: ImageBlock; readonly entry: DigestLine } | undefined;
}

/** @throws {ManifestEditError} `tag-collision`. */
function missingFrom(images: ImageList, wanted: Wanted, text: string): MissingImage[] {
  const missing: MissingImage[] = [];
  const collisions: TagCollision[] = [];
  let lines: LineIndex | undefined;
  for (const [image, digests] of wanted) {
    const blocks = images.blocks.filter((block) => block.name.value === image);
    const listed = tagsOf(blocks);
    const added: MissingDigest[] = [];
    for (const [digest, tags] of digests) {
      const at = entryOf(blocks, digest);
      const absent = [...tags].filter((tag) => !listed.get(tag)?.has(digest));
      for (const tag of absent) {
        for (const [other, node] of listed.get(tag) ?? []) {
          lines ??= new LineIndex(text);
          collisions.push({ image, tag, asked: digest, listed: other, line: lines.at(node.start).line });
        }
      }
      if (at === undefined || absent.length > 0) added.push({ digest, tags: absent, at });
    }
    if (added.length > 0) missing.push({ image, blocks, digests: added });
  }
  if (collisions.length > 0) throw tagCollision(collisions);
  return missing;
}

/** For each tag of an image, the digests it stands at: one, unless the file contradicts itself. */
function tagsOf(blocks: readonly ImageBlock[]): Map<string, Map<string, YamlScalar>> {
  const tags = new Map<string, Map<string, YamlScalar>>();
  for (const { entries } of blocks) {
    for (const entry of entries) {
      for (const node of tagNodes(entry.value)) {
        const holders = tags.get(node.value) ?? new Map<string, YamlScalar>();
        tags.set(node.value, holders.set(entry.digest, node));
      }
    }
  }
  return tags;
}

/** The last place where a digest stands; one that is written out there, if there is such a place. */
function entryOf(
  blocks: readonly ImageBlock[],
  digest: string,
): { block: ImageBlock; entry: DigestLine } | undefined {
  const found = blocks.flatMap((block) =>
    block.entries.filter((entry) => entry.digest === digest).map((entry) => ({ block, entry })),
  );
  return found.findLast(({ block, entry }) => !block.aliased && !entry.aliased) ?? found.at(-1);
}

function tagCollision(collisions: readonly TagCollision[]): ManifestEditError {
  const sentences = collisions.map(
    ({ image, tag, asked, listed, line }) =>
      `${image}:${tag} stands at ${printable(listed)} in line ${line}, and was to be added at ${asked}`,
  );
  return new ManifestEditError("tag-collision", sentences.join("\n"), {
    hint: "a promoted tag never moves: choose another tag, or leave this image out",
    collisions,
  });
}

function planEdits(text: string, images: ImageList, missing: readonly MissingImage[]): TextEdit[] {
  const edits: TextEdit[] = [];
  const newImages: NewImage[] = [];
  for (const { image, blocks, digests } of missing) {
    const newDigests = new Map<ImageBlock | undefined, MissingDigest[]>();
    for (const digest of digests) {
      if (digest.at !== undefined) {
        const { block, entry } = digest.at;
        if (block.aliased) throw sharedByAlias(`the image ${image}`);
        edits.push(...addTags(text, images, entry, digest.tags, isFlow(block)));
      } else {
        const block = chooseBlock(images, blocks, digest);
        newDigests.set(block, [...(newDigests.get(block) ?? []), digest]);
      }
    }
    for (const [block, group] of newDigests) {
      if (block !== undefined) edits.push(...addEntries(text, images, block, group));
      else if (blocks.length === 0) newImages.push({ name: image, entries: group, repeated: false });
      else newImages.push(...group.map((entry) => ({ name: image, entries: [entry], repeated: true })));
    }
  }
  return [...edits, ...addImages(text, images, newImages)];
}

function isFlow(block: ImageBlock): boolean {
  return block.node.flow || (block.dmap?.value.kind === "mapping" && block.dmap.value.flow);
}

/** So many blocks of one digest each show that an image gets a new block with each release. */
const blocksOfAHabit = 3;

/**
 * The block of an image that a new digest goes into: where the order puts it between two others, else the last one
 * that can be written in. `undefined` when it gets a block of its own.
 */
function chooseBlock(
  images: ImageList,
  blocks: readonly ImageBlock[],
  digest: MissingDigest,
): ImageBlock | undefined {
  if (blocks.length < 2) return blocks[0];
  if (blocks.length >= blocksOfAHabit && blocks.every((block) => block.entries.length === 1))
    return undefined;
  const writable = blocks.filter((block) => !block.aliased);
  const filled = writable.filter((block) => block.entries.length > 0);
  const fitting = filled.findLast(({ entries }) => {
    const place = placeIn(orderOf(images, entries), entries, digest);
    return place > 0 && place < entries.length;
  });
  return fitting ?? filled.at(-1) ?? writable.at(-1) ?? blocks.at(-1);
}

function readAgain(edited: string, before: YamlDocument): ImageList {
  try {
    const document = parseYaml(edited);
    if (document.secondDocument !== undefined && before.secondDocument === undefined) throw unsafeEdit();
    return readImageList(document.root);
  } catch (cause) {
    throw cause instanceof YamlSyntaxError ? unsafeEdit(cause) : cause;
  }
}

/** The keys of what was added, once it is certain that this is what was to be added, and nothing else. */
function checkedAdditions(
  before: ImageList,
  after: ImageList,
  missing: readonly MissingImage[],
): ReadonlySet<string> {
  const expected = new Set<string>();
  for (const { image, digests } of missing) {
    for (const { digest, tags, at } of digests) {
      if (at === undefined) expected.add(edgeKey({ image, digest, tag: undefined }));
      for (const tag of tags) expected.add(edgeKey({ image, digest, tag }));
    }
  }
  const found = additionsOf(before, after).map(edgeKey);
  if (found.length !== expected.size || !found.every((key) => expected.has(key))) throw unsafeEdit();
  return expected;
}

function additionsOf(before: ImageList, after: ImageList): AddedEntry[] {
  try {
    return additionsBetween(before, after);
  } catch (cause) {
    throw cause instanceof NotOnlyAdded ? unsafeEdit(cause) : cause;
  }
}

function unsafeEdit(cause?: Error): ManifestEditError {
  const why = cause === undefined ? "" : ` (${cause.message})`;
  return new ManifestEditError(
    "unsafe-edit",
    `the file is written in a way in which lines cannot be added without changing something else${why}`,
    { hint: "anchors, explicit keys (?) and several documents are such ways; edit the file by hand" },
  );
}

/** Where the wanted edges stand in a file that has them all, in the order of its lines. */
function listedEdges(images: ImageList, wanted: Wanted, lines: LineIndex): ListedEdge[] {
  const edges = new Map<string, ListedEdge>();
  for (const block of images.blocks) {
    const digests = wanted.get(block.name.value);
    if (digests === undefined) continue;
    const image = block.name.value;
    for (const entry of block.entries) {
      if (!isDigest(entry.digest)) continue;
      const { digest } = entry;
      const tags = digests.get(digest);
      if (tags?.size === 0) {
        const edge = { image, digest, tag: undefined, line: lines.at(entry.key.start).line };
        edges.set(edgeKey(edge), edge);
      }
      for (const node of tags === undefined ? [] : tagNodes(entry.value)) {
        if (!isTag(node.value) || !tags?.has(node.value)) continue;
        const edge = { image, digest, tag: node.value, line: lines.at(node.start).line };
        edges.set(edgeKey(edge), edge);
      }
    }
  }
  return [...edges.values()];
}

/** An edge as one text, for sets. */
export function edgeKey(edge: { image: string; digest: string; tag: string | undefined }): string {
  return `${edge.image}@${edge.digest}:${edge.tag ?? ""}`;
}
