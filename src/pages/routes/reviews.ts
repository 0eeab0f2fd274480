import { ApiFailure } from "../api.ts";
import { nowhere, type Site, seeOther } from "../site.tsx";
import { findingsPage, reviewPage } from "../views/review.tsx";
import { pullActs } from "../views/review-acts.tsx";
import { reviewsPage } from "../views/reviews.tsx";

const pull = "/reviews/:id{[0-9]{1,18}}";

/** Pull requests that are reviewed, and what is done to them. */
export function addReviews(site: Site): void {
  site.page("/reviews", reviewsPage);
  site.page(pull, (visit, word) => reviewPage(visit, word("id")));
  site.page(`${pull}/findings`, (visit, word) => findingsPage(visit, word("id")));
  site.form(pull, async (visit, form, word) => {
    const act = pullActs.find((name) => name === form.get("act"));
    if (act === undefined) throw nowhere(visit.url.pathname);
    const id = word("id");
    const why = form.get("why")?.trim() ?? "";
    const edges = (form.get("edges") ?? "").split(" ").filter((hash) => hash !== "");
    const body = {
      ...(act === "hold" && why !== "" ? { why } : {}),
      ...(act === "approve" && edges.length > 0 ? { edges } : {}),
    };
    try {
      await visit.api.post(`/reviews/${id}/${act}`, body);
    } catch (error) {
      // What is refused is said where the reason can be seen: on the page, as it is now.
      if (!(error instanceof ApiFailure) || error.problem.status === 401) throw error;
      const { status } = error.problem;
      const shown = await reviewPage(visit, id, error.problem);
      return new Response(shown.toString(), {
        status,
        headers: { "content-type": "text/html; charset=UTF-8" },
      });
    }
    return seeOther(`/reviews/${id}`);
  });
}
