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

/** Bytes as people read them. */
export function inBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
