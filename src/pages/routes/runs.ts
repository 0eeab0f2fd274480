import { localPath } from "../../access/index.ts";
import { formerAddress } from "../deck.ts";
import { nowhere, type Site, seeOther } from "../site.tsx";
import { acts } from "../views/acts.tsx";
import { againPage } from "../views/again.tsx";
import { artifactPage } from "../views/artifact.tsx";
import { logPage, logPart, runLog } from "../views/log.tsx";
import { nowPage } from "../views/now.tsx";
import { runPage } from "../views/run.tsx";
import { runsPage } from "../views/runs.tsx";

const run = "/runs/:id{[0-9]{1,20}}";

/** What goes on, runs, and their logs. */
export function addRuns(site: Site): void {
  site.page("/", (visit) => {
    const former = formerAddress(visit.url);
    return former === undefined ? nowPage(visit) : seeOther(former);
  });
  site.page("/runs", runsPage);
  site.page(run, (visit, word) => runPage(visit, word("id")));
  site.page(`${run}/again`, (visit, word) => againPage(visit, word("id")));
  site.page(`${run}/files/:path{.+}`, (visit, word) => artifactPage(visit, word("id"), word("path")));
  site.page(`${run}/log`, async (visit, word) => logPage(visit, await runLog(visit, word("id"))));
  site.page(`${run}/log/part`, async (visit, word) => logPart(visit, await runLog(visit, word("id"))));
  site.form(run, async ({ api, url }, form, word) => {
    const act = acts.find((name) => name === form.get("act"));
    if (act === undefined) throw nowhere(url.pathname);
    const id = word("id");
    const answer = await api.post(`/runs/${id}/${act}`, act === "abort" ? {} : undefined);
    if (act !== "rerun") return seeOther(localPath(form.get("return") ?? `/runs/${id}`));
    return seeOther(`/runs/${((await answer.json()) as { readonly id: string }).id}`);
  });
}
