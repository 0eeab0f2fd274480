import { formerAddress } from "../deck.ts";
import { nowhere, type Site, seeOther } from "../site.tsx";
import { archivedAddress } from "../views/archives.tsx";

/** Where links to Prow's pages lead. */
export function addFinding(site: Site): void {
  site.page("*", async (visit) => {
    const { url } = visit;
    const former = (await archivedAddress(visit)) ?? formerAddress(url);
    if (former === undefined) throw nowhere(url.pathname);
    return seeOther(former);
  });
}
