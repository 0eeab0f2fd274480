/** What a path below `/images/` names. */
export interface NamedImage {
  readonly image: string;
  readonly tag?: string | undefined;
  readonly digest?: string | undefined;
}

/** The page of an image, or of one of its digests. */
export function addressOfImage(image: string, digest?: string): string {
  const path = image.split("/").map(encodeURIComponent).join("/").replaceAll("%3A", ":");
  return `/images/${path}${digest === undefined ? "" : `@${digest}`}`;
}

/** What a path names: `host/path`, with `:tag` or `@digest` behind it. */
export function nameIn(path: string): NamedImage {
  const text = decoded(path);
  const at = text.lastIndexOf("@");
  if (at > 0) return { image: text.slice(0, at), digest: text.slice(at + 1) };
  const [, image, tag] = /^(.*\/[^/:]*):([^/:]+)$/.exec(text) ?? [];
  return image === undefined ? { image: text } : { image, tag };
}

/** The last words of a repository, which people know it by. */
export function shortName(image: string): string {
  return image.split("/").slice(-2).join("/");
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
