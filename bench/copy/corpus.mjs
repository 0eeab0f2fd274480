// The images that are promoted. Layers are made when they are needed, so that a corpus of gigabytes takes no memory.
import { chunksOf, digestOfChunks, numberOf } from "./bytes.mjs";

const KiB = 1024;
const MiB = 1024 * KiB;

const mediaTypes = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar+gzip",
};
const architectures = ["amd64", "arm64", "s390x"];
const bases = 4;
const baseLayers = 3;

/**
 * 200 images in 40 repositories, or as many repositories as are asked for, five tags each. An image is an index of three platforms; a platform has a config,
 * three layers of one of four bases and a layer of its own, 2 to 60 KiB each.
 */
export function smallCorpus(repositories = 40) {
  const images = repositoriesOf(repositories).flatMap((repository, position) =>
    ["v1", "v2", "v3", "v4", "v5"].map((tag) => smallImage(repository, position, tag)),
  );
  return { name: `small-${repositories}`, images };
}

/** The small corpus in which every repository has one image more: its `v5` with one changed layer. */
export function smallCorpusWithChange() {
  const changed = repositoriesOf(40).map((repository, position) => {
    const layers = (architecture) => [
      ...baseOf(position, architecture, 2 * KiB, 60 * KiB),
      ownLayer(
        `${repository} ${architecture === architectures[0] ? "v6" : "v5"} ${architecture}`,
        2 * KiB,
        60 * KiB,
      ),
    ];
    return multiPlatform(repository, "v6", layers, (architecture) =>
      architecture === architectures[0] ? "v6" : "v5",
    );
  });
  return { name: "small-changed", images: [...smallCorpus().images, ...changed] };
}

/** The small corpus in which the `v5` of every repository has a second tag. */
export function smallCorpusWithTag() {
  const { images } = smallCorpus();
  const tagged = images.filter(({ tag }) => tag === "v5").map((image) => ({ ...image, tag: "latest" }));
  return { name: "small-tagged", images: [...images, ...tagged] };
}

/** Images of three platforms, each with a layer of its own of 5 to 20 MiB on bases that are shared. */
export function mediumCorpus(repositories = 20) {
  const images = repositoriesOf(repositories).map((repository, position) =>
    multiPlatform(repository, "v1", (architecture) => [
      ...baseOf(position, architecture, 1 * MiB, 3 * MiB),
      ownLayer(`${repository} medium ${architecture}`, 5 * MiB, 20 * MiB),
    ]),
  );
  return { name: `medium-${repositories}`, images };
}

/** One image for one platform, with layers of the sizes given. */
export function largeCorpus(layerMiB = [256, 256]) {
  const name = `large-${layerMiB.join("-")}`;
  const layers = layerMiB.map((size, position) => blobOf(`${name} ${position}`, size * MiB));
  const { root, blobs } = platformImage(architectures[0], layers, "v1");
  return { name, images: [{ repository: "large", tag: "v1", root, children: [], blobs }] };
}

/** The bytes of all distinct blobs and manifests. */
export function sizeOf({ images }) {
  const sizes = new Map();
  for (const { root, children, blobs } of images) {
    for (const { descriptor } of [root, ...children, ...blobs]) sizes.set(descriptor.digest, descriptor.size);
  }
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}

function repositoriesOf(count) {
  return Array.from({ length: count }, (_, position) => `image-${String(position + 1).padStart(2, "0")}`);
}

function smallImage(repository, position, tag) {
  return multiPlatform(repository, tag, (architecture) => [
    ...baseOf(position, architecture, 2 * KiB, 60 * KiB),
    ownLayer(`${repository} ${tag} ${architecture}`, 2 * KiB, 60 * KiB),
  ]);
}

function multiPlatform(repository, tag, layersOf, versionOf = () => tag) {
  const platforms = architectures.map((architecture) => ({
    architecture,
    ...platformImage(architecture, layersOf(architecture), `${repository} ${versionOf(architecture)}`),
  }));
  const root = documentOf(mediaTypes.index, {
    schemaVersion: 2,
    mediaType: mediaTypes.index,
    manifests: platforms.map(({ root: { descriptor }, architecture }) => ({
      ...descriptor,
      platform: { os: "linux", architecture },
    })),
  });
  const blobs = platforms.flatMap((platform) => platform.blobs);
  return { repository, tag, root, children: platforms.map((platform) => platform.root), blobs };
}

function platformImage(architecture, layers, title) {
  const config = documentOf(mediaTypes.config, {
    architecture,
    os: "linux",
    config: { Labels: { "org.opencontainers.image.title": title } },
    rootfs: { type: "layers", diff_ids: layers.map(({ descriptor }) => descriptor.digest) },
  });
  const root = documentOf(mediaTypes.manifest, {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: config.descriptor,
    layers: layers.map(({ descriptor }) => descriptor),
  });
  return { root, blobs: [config, ...layers] };
}

function baseOf(position, architecture, least, greatest) {
  return Array.from({ length: baseLayers }, (_, layer) =>
    ownLayer(`base ${position % bases} ${architecture} ${layer}`, least, greatest),
  );
}

function ownLayer(name, least, greatest) {
  return blobOf(`${name} ${least}`, numberOf(name, least, greatest));
}

const made = new Map();

/** Bases are in many images; their digests are computed once. */
function blobOf(name, size) {
  const known = made.get(name);
  if (known !== undefined) return known;
  const chunks = () => chunksOf(name, size);
  const blob = {
    descriptor: { mediaType: mediaTypes.layer, digest: digestOfChunks(chunks()), size },
    chunks,
  };
  made.set(name, blob);
  return blob;
}

function documentOf(mediaType, json) {
  const bytes = Buffer.from(JSON.stringify(json));
  const descriptor = { mediaType, digest: digestOfChunks([bytes]), size: bytes.length };
  return { descriptor, chunks: () => [bytes] };
}
