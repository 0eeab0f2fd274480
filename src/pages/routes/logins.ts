import { localPath } from "../../access/index.ts";
import { ApiFailure } from "../api.ts";
import { type Site, seeOther } from "../site.tsx";
import { loginPage } from "../views/login.tsx";

/** Logging in by a token, and out. */
export function addLogins(site: Site): void {
  site.page("/login", (visit) => loginPage(visit));
  site.firstForm("/login", async (visit, form) => {
    try {
      const answer = await visit.api.post("/auth/token", { token: form.get("token")?.trim() ?? "" });
      return withCookies(answer, seeOther(localPath(visit.url.searchParams.get("return") ?? "/")));
    } catch (error) {
      if (!(error instanceof ApiFailure) || error.problem.status >= 500) throw error;
      const page = await loginPage(visit, `${error.problem.title}.`);
      return new Response(page.toString(), {
        status: 403,
        headers: { "content-type": "text/html; charset=UTF-8" },
      });
    }
  });
  site.form("/logout", async ({ api }) => withCookies(await api.post("/auth/logout"), seeOther("/login")));
}

/** An answer that gives a browser the cookies of another one. */
function withCookies(from: Response, to: Response): Response {
  for (const cookie of from.headers.getSetCookie()) to.headers.append("set-cookie", cookie);
  return to;
}
