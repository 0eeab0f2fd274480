import { runFilters } from "./run-query.ts";

/**
 * Where a page of Prow's has its like here, for links that people have kept; `undefined` for an address that Prow has not, or for
 * which there is nothing here.
 */
export function formerAddress(url: URL): string | undefined {
  const { pathname, searchParams } = url;
  if (pathname === "/" && runFilters.some((name) => searchParams.has(name))) return `/runs?${searchParams}`;
  // …/logs/JOB/ID, …/pr-logs/pull/ORG_REPO/NUMBER/JOB/ID: the id is the last word.
  const run = /^\/view\/(?:gs|s3|file|https?)\/.*\/([0-9]{1,20})\/?$/.exec(pathname)?.[1];
  if (run !== undefined) return `/runs/${run}`;
  const job = /^\/job-history\/(?:gs|s3|file|https?)\/.*\/([A-Za-z0-9._-]{1,200})\/?$/.exec(pathname)?.[1];
  if (job !== undefined) return `/jobs/${job}`;
  const prowJob = searchParams.get("prowjob");
  if (pathname === "/prowjob" && /^[0-9]{1,20}$/.test(prowJob ?? "")) return `/runs/${prowJob}`;
  const id = searchParams.get("id");
  if (pathname === "/log" && /^[0-9]{1,20}$/.test(id ?? "")) return `/api/v1/runs/${id}/log`;
  if (pathname === "/pr-history") return pullHistory(searchParams);
  if (pathname === "/configured-jobs" || pathname.startsWith("/configured-jobs/")) return "/jobs";
  return undefined;
}

function pullHistory(search: URLSearchParams): string | undefined {
  const [org, repo, number] = [search.get("org"), search.get("repo"), search.get("pr")];
  if (!/^[\w.-]{1,100}$/.test(org ?? "") || !/^[\w.-]{1,100}$/.test(repo ?? "")) return undefined;
  if (!/^[0-9]{1,9}$/.test(number ?? "")) return undefined;
  const filters = { repo: `https://github.com/${org}/${repo}`, pull: number ?? "" };
  return `/runs?${new URLSearchParams(filters)}`;
}
