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
