import type { RunDocument } from "../../server/index.ts";

/**
 * The page of a repository, made of a URL that was taken apart: what is no address of the web is shown as text. `undefined` for what
 * a browser may not be sent to.
 */
export function pageOfRepository(repository: string): URL | undefined {
  let url: URL;
  try {
    url = new URL(repository);
  } catch {
    return undefined;
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") return undefined;
  return new URL(`${url.origin}${url.pathname.replace(/\.git$/, "")}`);
}

/** Where forges that are known by their names show a file at a commit. */
const filesOfForges: ReadonlyMap<string, string> = new Map([
  ["github.com", "blob"],
  ["gitlab.com", "-/blob"],
  ["codeberg.org", "src/commit"],
]);

/** The page of a line of a file at a commit, on a forge that is known by its name; `undefined` for all else. */
export function pageOfLine(
  repository: string | undefined,
  commit: string | undefined,
  { file, line }: { readonly file: string; readonly line: number },
): URL | undefined {
  const page = repository === undefined ? undefined : pageOfRepository(repository);
  const files = page?.protocol === "https:" ? filesOfForges.get(page.host) : undefined;
  const isPlain =
    commit !== undefined && /^[0-9a-f]{40,64}$/.test(commit) && !/(?:^|\/)\.{0,2}(?:\/|$)/.test(file);
  if (page === undefined || files === undefined || !isPlain) return undefined;
  const path = file.split("/").map(encodeURIComponent).join("/");
  return new URL(`${page.origin}${page.pathname.replace(/\/$/, "")}/${files}/${commit}/${path}#L${line}`);
}

/** A repository by the last two words of its path, with a link where it has a page. */
export function Repository({ url }: { readonly url: string | undefined }) {
  if (url === undefined) return <span class="none">–</span>;
  const page = pageOfRepository(url);
  const short = url
    .replace(/\.git$/, "")
    .split("/")
    .slice(-2)
    .join("/");
  if (page === undefined) return <span title={url}>{short}</span>;
  return (
    <a href={page.href} rel="noreferrer">
      {short}
    </a>
  );
}

/** What a run is of: its branch, tag or pull request, at a commit. */
export function Revision({ run }: { readonly run: RunDocument }) {
  const { ref, pull, revision } = run;
  const name = pull === undefined ? ref?.replace(/^refs\/(?:heads|tags)\//, "") : `#${pull}`;
  if (name === undefined && revision === undefined) return <span class="none">–</span>;
  return (
    <span>
      {name}
      {revision === undefined ? "" : <code title={revision}> {revision.slice(0, 10)}</code>}
    </span>
  );
}
