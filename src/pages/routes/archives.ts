import type { PathWord, Site } from "../site.tsx";
import {
  type ArchivedName,
  archivedJobPage,
  archivedJobsPage,
  archivedLog,
  archivedRunPage,
  archivesPage,
} from "../views/archives.tsx";
import { logPage, logPart } from "../views/log.tsx";

const run = "/prow/:archive/runs/:job{[A-Za-z0-9._-]{1,200}}/:id{[0-9]{1,20}}";

/** Runs that Prow has left in buckets, on the same pages. */
export function addArchives(site: Site): void {
  const nameOf = (word: PathWord): ArchivedName => ({
    archive: word("archive"),
    job: word("job"),
    id: word("id"),
  });
  site.page("/prow", archivesPage);
  site.page("/prow/:archive", (visit, word) => archivedJobsPage(visit, word("archive")));
  site.page("/prow/:archive/jobs/:job{[A-Za-z0-9._-]{1,200}}", (visit, word) =>
    archivedJobPage(visit, word("archive"), word("job")),
  );
  site.page(run, (visit, word) => archivedRunPage(visit, nameOf(word)));
  site.page(`${run}/log`, async (visit, word) => logPage(visit, await archivedLog(visit, nameOf(word))));
  site.page(`${run}/log/part`, async (visit, word) => logPart(visit, await archivedLog(visit, nameOf(word))));
}
