/** The media types Waybill knows by name. Blobs may have any media type; manifests must have one of these. */
export const mediaTypes = {
  ociManifest: "application/vnd.oci.image.manifest.v1+json",
  ociIndex: "application/vnd.oci.image.index.v1+json",
  ociConfig: "application/vnd.oci.image.config.v1+json",
  ociLayer: "application/vnd.oci.image.layer.v1.tar+gzip",
  ociEmpty: "application/vnd.oci.empty.v1+json",
  dockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
  dockerList: "application/vnd.docker.distribution.manifest.list.v2+json",
  dockerConfig: "application/vnd.docker.container.image.v1+json",
  dockerLayer: "application/vnd.docker.image.rootfs.diff.tar.gzip",
} as const;

const manifests: ReadonlySet<string> = new Set([mediaTypes.ociManifest, mediaTypes.dockerManifest]);
const indexes: ReadonlySet<string> = new Set([mediaTypes.ociIndex, mediaTypes.dockerList]);

/**
 * The value of an `Accept` header for manifests: images and indexes, most wanted first, then what else a tag may stand
 * for. Registries that negotiate answer 404 for what is not in it, so that a taken tag would look free; some of them do
 * not know any type, so that older kinds are named.
 */
export const acceptedManifests: string = [
  mediaTypes.ociIndex,
  mediaTypes.dockerList,
  mediaTypes.ociManifest,
  mediaTypes.dockerManifest,
  "application/vnd.oci.artifact.manifest.v1+json",
  "application/vnd.cncf.oras.artifact.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v1+prettyjws",
  "application/vnd.docker.distribution.manifest.v1+json",
  "*/*;q=0.1",
].join(", ");

/** Whether the media type is that of an image manifest. */
export function isManifestType(mediaType: string): boolean {
  return manifests.has(mediaType);
}

/** Whether the media type is that of an index (Docker: manifest list). */
export function isIndexType(mediaType: string): boolean {
  return indexes.has(mediaType);
}

/** Whether the media type is that of an image manifest or an index. */
export function isImageType(mediaType: string): boolean {
  return isManifestType(mediaType) || isIndexType(mediaType);
}

/**
 * Whether the media type is that of a layer that registries need not hold, such as those of Windows base images (OCI
 * image specification, "Non-distributable Layers"; Docker: foreign layers). The `urls` of such layers are never
 * followed.
 */
export function isForeignLayerType(mediaType: string): boolean {
  return /^application\/vnd\.(?:docker\.image\.rootfs\.foreign\.|oci\.image\.layer\.nondistributable\.)/.test(
    mediaType,
  );
}

/** A media type without parameters, trimmed and in lower case: `Content-Type` headers compare by this. */
export function bareMediaType(header: string): string {
  return (header.split(";", 1)[0] ?? "").trim().toLowerCase();
}
