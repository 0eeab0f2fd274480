// Makes images that say what they are, and pushes them.
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { packTar } from "modern-tar";
import { parseTag } from "waybill";

/** Pushes an index over two platforms, whose base layer all images share. The same words always make the same digests. */
export async function push(repository, name, version) {
  const blob = async (mediaType, bytes) => {
    const descriptor = described(mediaType, bytes);
    await repository.push(descriptor, async () => Readable.from([bytes]));
    return descriptor;
  };
  const put = async (mediaType, json, ...tags) => {
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...json }));
    const descriptor = described(mediaType, bytes);
    await repository.put({ descriptor, bytes }, ...tags);
    return descriptor;
  };
  const tar = async (file, text) => {
    const body = Buffer.from(text);
    const header = { name: file, mode: 0o644, size: body.length, mtime: new Date(0) };
    return Buffer.from(await packTar([{ header, body }]));
  };
  const layerType = "application/vnd.oci.image.layer.v1.tar";
  const manifests = [];
  for (const architecture of ["amd64", "arm64"]) {
    const tars = [
      await tar("etc/tour", "a base that all images share\n"),
      await tar(name, `${name} ${version} ${architecture}\n`),
    ];
    const layers = [await blob(layerType, tars[0]), await blob(layerType, tars[1])];
    const rootfs = { type: "layers", diff_ids: layers.map(({ digest }) => digest) };
    const bytes = Buffer.from(JSON.stringify({ architecture, os: "linux", config: {}, rootfs }));
    const config = await blob("application/vnd.oci.image.config.v1+json", bytes);
    const child = await put("application/vnd.oci.image.manifest.v1+json", { config, layers });
    manifests.push({ ...child, platform: { os: "linux", architecture } });
  }
  await put("application/vnd.oci.image.index.v1+json", { manifests }, parseTag(version));
}

function described(mediaType, bytes) {
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  return { mediaType, digest, size: bytes.length };
}
