import { basename, resolve } from "node:path";
import {
  type Digest,
  isRepositoryPath,
  OciError,
  parseDigest,
  parseReference,
  parseRepository,
  parseTag,
  type RepositoryName,
  type Tag,
} from "../oci/index.ts";
import { folderPrefix } from "../settings/index.ts";

/** A repository, or an image in one, as it is named on a command line. */
export interface ImagePlace {
  /** The repository, as messages show it: `host/path`, or `oci:folder` as it was written. */
  readonly shown: string;
  /** For a folder a name that stands for it, and means no registry. */
  readonly repository: RepositoryName;
  /** The image layout that it is, absolute; `undefined` for a repository on a registry. */
  readonly folder: string | undefined;
  readonly tag: Tag | undefined;
  readonly digest: Digest | undefined;
}

/**
 * The text as a place: a reference such as `host/path:tag` or `host/path@digest`, or the same of an image layout,
 * `oci:folder:tag`, as Skopeo writes it.
 * @throws {OciError} `invalid-reference`, `invalid-tag` or `invalid-digest`.
 */
export function parsePlace(text: string): ImagePlace {
  if (!text.startsWith(folderPrefix)) {
    const { repository, tag, digest } = parseReference(text);
    return { shown: repository, repository, folder: undefined, tag, digest };
  }
  const [, named = "", digest] = /^(.*?)(?:@((?:sha256|sha512):.*))?$/s.exec(text) ?? [];
  const colon = named.lastIndexOf(":");
  const isTagged = colon >= folderPrefix.length && colon > named.lastIndexOf("/");
  const shown = isTagged ? named.slice(0, colon) : named;
  const path = shown.slice(folderPrefix.length);
  if (path === "") {
    throw new OciError("invalid-reference", `${JSON.stringify(text.slice(0, 200))} names no folder`, {
      hint: "it is written as in oci:/mnt/usb/app:v1",
    });
  }
  const name = basename(resolve(path));
  return {
    shown,
    repository: parseRepository(`localhost/${isRepositoryPath(name) ? name : "folder"}`),
    folder: resolve(path),
    tag: isTagged ? parseTag(named.slice(colon + 1)) : undefined,
    digest: digest === undefined ? undefined : parseDigest(digest),
  };
}
