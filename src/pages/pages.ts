import type { Pages, PagesParts } from "./model.ts";
import { addArchives } from "./routes/archives.ts";
import { addFinding } from "./routes/finding.ts";
import { addImages } from "./routes/images.ts";
import { addJobs } from "./routes/jobs.ts";
import { addLogins } from "./routes/logins.ts";
import { addProduction } from "./routes/production.ts";
import { addPromotion } from "./routes/promotion.ts";
import { addReviews } from "./routes/reviews.ts";
import { addRuns } from "./routes/runs.ts";
import { addSettings } from "./routes/settings.ts";
import { createSite } from "./site.tsx";

/** Addresses that are the API's own. */
const ofTheApi = /^\/(?:api|auth|webhooks|healthz|readyz|metrics)(?:\/|$)/;

/** Makes the pages of a server, over its API. */
export function createPages(parts: PagesParts): Pages {
  const site = createSite(parts, [
    ...[addRuns, addPromotion, addArchives, addJobs, addImages, addProduction, addReviews, addLogins],
    addSettings,
    // The last one, for it has all addresses that nobody else has.
    addFinding,
  ]);
  return {
    fetch: async (request, from = {}) =>
      ofTheApi.test(new URL(request.url).pathname)
        ? parts.api.fetch(request, from)
        : site.fetch(request, { from }),
  };
}
