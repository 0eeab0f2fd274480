import { ForgeError } from "./errors.ts";

/** A repository on a forge, as the URL of a Git remote names it. */
export interface RemoteRepository {
  /** The host that the forge is asked at, in lower case; with a port where the URL was of HTTP and had one. */
  readonly host: string;
  /** `owner/name`, or more segments; without `.git`. */
  readonly path: string;
}

/** What hosts are called otherwise: for browsers, and where forges take SSH through firewalls. */
const aliases: Readonly<Record<string, string>> = {
  "www.github.com": "github.com",
  "www.gitlab.com": "gitlab.com",
  "ssh.github.com": "github.com",
  "altssh.gitlab.com": "gitlab.com",
  "altssh.bitbucket.org": "bitbucket.org",
};

/**
 * The repository behind the URL of a Git remote: `https://host/owner/name.git`, `ssh://git@host/owner/name` or
 * `git@host:owner/name.git` (git-fetch(1), "GIT URLS"). A name and a password in it are dropped, and so is a port of SSH, which says
 * nothing of where the forge answers. `undefined` for what is on no forge: a path, a file, a bundle.
 */
export function parseRemote(url: string): RemoteRepository | undefined {
  const text = url.trim();
  if (text.length > 2048 || /[\p{Cc}\s\\]/u.test(text)) return undefined;
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) return parseScpLike(text);
  if (!URL.canParse(text)) return undefined;
  const { hostname, port, pathname } = new URL(text);
  if (scheme === "http" || scheme === "https") {
    return repositoryAt(port === "" ? hostname : `${hostname}:${port}`, pathname);
  }
  return /^(?:ssh|git|git\+ssh|ssh\+git)$/.test(scheme) ? repositoryAt(hostname, pathname) : undefined;
}

/**
 * The path of a repository, checked: segments of letters, digits, `.`, `_` and `-`, two of them at least, as every forge wants
 * them. Only such a path becomes part of a URL.
 * @throws {ForgeError} `not-found`: no forge has a repository of such a name.
 */
export function checkedPath(path: string): string {
  if (isRepositoryPath(path)) return path;
  throw new ForgeError("not-found", `${JSON.stringify(path.slice(0, 200))} is no path of a repository`, {
    hint: "write it as owner/name",
  });
}

/**
 * Owner and name, on forges that have no groups.
 * @throws {ForgeError} `not-found`: no such forge has a repository of such a name.
 */
export function ownerAndName(path: string): { readonly owner: string; readonly repo: string } {
  const [owner = "", repo = "", ...more] = checkedPath(path).split("/");
  if (more.length === 0) return { owner, repo };
  throw new ForgeError("not-found", `${path} is no repository: there are no groups`, {
    hint: "write it as owner/name",
  });
}

/** `[user@]host:path`. A single letter before the colon is a drive. */
function parseScpLike(text: string): RemoteRepository | undefined {
  const parts = /^(?:[^@/:]*(?::[^@/]*)?@)?(\[[0-9a-f:.]+\]|[^@/:[\]]{2,}):(.+)$/i.exec(text);
  if (parts === null) return undefined;
  const [, host = "", path = ""] = parts;
  if (!/^[\w.-]+$|^\[/.test(host) || !URL.canParse(`ssh://${host}/`)) return undefined;
  return repositoryAt(new URL(`ssh://${host}/`).hostname, path);
}

function repositoryAt(host: string, pathname: string): RemoteRepository | undefined {
  const decoded = decode(pathname);
  const path = decoded
    ?.replace(/^\/+/, "")
    .replace(/\/+$/, "")
    .replace(/\.git$/, "");
  const name = host.toLowerCase();
  if (path === undefined || name === "" || !isRepositoryPath(path)) return undefined;
  return { host: Object.hasOwn(aliases, name) ? (aliases[name] ?? name) : name, path };
}

function isRepositoryPath(path: string): boolean {
  const segments = path.split("/");
  return (
    segments.length >= 2 &&
    segments.length <= 24 &&
    segments.every((segment) => /^[\w.-]{1,255}$/.test(segment) && !/^\.+$/.test(segment))
  );
}

function decode(pathname: string): string | undefined {
  try {
    return decodeURIComponent(pathname);
  } catch {
    return undefined;
  }
}
