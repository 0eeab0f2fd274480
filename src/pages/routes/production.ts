import type { Site } from "../site.tsx";
import { driftPage } from "../views/drift.tsx";
import { hostsPage } from "../views/hosts.tsx";
import { productionPage } from "../views/production.tsx";
import { projectPage } from "../views/production-project.tsx";

/** How production is, where it is not as asked, and what hosts were asked for. */
export function addProduction(site: Site): void {
  site.page("/production", productionPage);
  site.page("/production/drift", driftPage);
  site.page("/production/hosts", hostsPage);
  site.page("/production/projects/:project", (visit, word) => projectPage(visit, word("project")));
}
