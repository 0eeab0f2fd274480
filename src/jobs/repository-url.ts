/** The parts of a repository's URL, in Prow's words. */
export interface GitRepositoryName {
  /** All of the path but its last segment. */
  readonly org: string;
  readonly repo: string;
  /** Where people see it, where that can be told. */
  readonly link: string | undefined;
}

/** Takes a repository's URL apart; `undefined` when it is none, or has a password in it. */
export function repositoryName(url: string): GitRepositoryName | undefined {
  const [, user, host, path] =
    /^(?:([\w.-]+)@)?([\w.-]+):(?!\/\/)\/?(.+)$/.exec(url) ?? ([] as (string | undefined)[]);
  if (host !== undefined && path !== undefined && (user !== undefined || host.includes("."))) {
    if ([user, host, path].some(isOption)) return undefined;
    return named(path, `https://${host}`);
  }
  if (!URL.canParse(url)) return undefined;
  const parsed = new URL(url);
  if (!/^(?:https?|ssh|git|file):$/.test(parsed.protocol) || parsed.password !== "") return undefined;
  if (parsed.protocol.startsWith("http") && parsed.username !== "") return undefined;
  if (isOption(parsed.username) || isOption(parsed.hostname)) return undefined;
  if (parsed.search !== "" || parsed.hash !== "") return undefined;
  if (parsed.protocol === "file:") return named(parsed.pathname, undefined);
  return named(parsed.pathname, /^http/.test(parsed.protocol) ? parsed.origin : `https://${parsed.hostname}`);
}

/** Programs that are given it take it for one of their options. */
function isOption(part: string | undefined): boolean {
  return part?.startsWith("-") === true;
}

function named(path: string, origin: string | undefined): GitRepositoryName | undefined {
  const segments = path
    .replace(/\/+$/, "")
    .replace(/\.git$/, "")
    .split("/")
    .filter((segment) => segment !== "");
  const repo = segments.at(-1);
  const org = segments.slice(0, -1).join("/");
  if (repo === undefined || org === "" || segments.some((segment) => /^\.\.?$|[\s\p{Cc}]/u.test(segment))) {
    return undefined;
  }
  return { org, repo, link: origin && `${origin}/${org}/${repo}` };
}

/** A text that is the same for all URLs of a repository, however they are written. */
export function repositoryKey(url: string): string {
  const name = repositoryName(url);
  return name === undefined ? url : (name.link ?? `${name.org}/${name.repo}`).toLowerCase();
}

/** Whether two URLs mean the same repository, however they are written. */
export function isSameRepository(one: string, other: string): boolean {
  return repositoryKey(one) === repositoryKey(other);
}
