import type { ListedJobDocument } from "../../server/index.ts";
import { badgeOf } from "../badge.ts";
import { type Site, seeOther } from "../site.tsx";
import { jobPage } from "../views/job.tsx";
import { jobsPage } from "../views/jobs.tsx";

const job = "/jobs/:name{[A-Za-z0-9._-]{1,200}}";

/** Jobs, how they are started by hand, and their badges. */
export function addJobs(site: Site): void {
  site.page("/jobs", jobsPage);
  site.page(job, (visit, word) => jobPage(visit, word("name")));
  site.form(job, async ({ api }, form, word) => {
    const ref = form.get("ref")?.trim() ?? "";
    const path = `/jobs/${encodeURIComponent(word("name"))}/runs`;
    const answer = await api.post(path, ref === "" ? {} : { ref });
    return seeOther(`/runs/${((await answer.json()) as { readonly id: string }).id}`);
  });
  site.page("/badge.svg", async ({ api, url }) => {
    const badge = badgeOf(await api.all<ListedJobDocument>("/jobs"), url.searchParams.get("jobs") ?? "");
    return new Response(badge, { headers: { "content-type": "image/svg+xml", "cache-control": "no-cache" } });
  });
}
