import { formerAddress } from "../deck.ts";
import { placeOf } from "../find.ts";
import { nowhere, type Site, seeOther } from "../site.tsx";

/** Where somebody is led to: what they look for, and what links to Prow's pages mean here. */
export function addFinding(site: Site): void {
  site.page("/find", async (visit) => seeOther(await placeOf(visit, visit.url.searchParams.get("q") ?? "")));
  site.page("*", ({ url }) => {
    const former = formerAddress(url);
    if (former === undefined) throw nowhere(url.pathname);
    return seeOther(former);
  });
}
