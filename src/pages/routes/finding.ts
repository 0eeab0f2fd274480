import { formerAddress } from "../deck.ts";
import { nowhere, type Site, seeOther } from "../site.tsx";

/** Where links to Prow's pages lead. */
export function addFinding(site: Site): void {
  site.page("*", ({ url }) => {
    const former = formerAddress(url);
    if (former === undefined) throw nowhere(url.pathname);
    return seeOther(former);
  });
}
