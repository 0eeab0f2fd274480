import type { NewTokenDocument } from "../../server/index.ts";
import { type Site, seeOther } from "../site.tsx";
import { auditSettings } from "../views/settings/audit.tsx";
import { destinationSettings } from "../views/settings/destinations.tsx";
import { acceptQuestion, jobSettings } from "../views/settings/jobs.tsx";
import { notificationSettings } from "../views/settings/notifications.tsx";
import { settingsOverview } from "../views/settings/overview.tsx";
import { endSessionQuestion, endSessionsQuestion, peopleSettings } from "../views/settings/people.tsx";
import { remoteSettings } from "../views/settings/remotes.tsx";
import { serverSettings } from "../views/settings/server.tsx";
import { madeToken, revokeQuestion, tokenSettings } from "../views/settings/tokens.tsx";

const uuid = "{[0-9a-f-]{36}}";
const session = "/settings/sessions/:id{[0-9a-f]{32}}/end";
const sessionsOfPerson = `/settings/people/:id${uuid}/sessions`;
const revoked = `/settings/tokens/:id${uuid}/revoke`;

/** What the server is told and what became of it, and what those may do about it who may. */
export function addSettings(site: Site): void {
  site.page("/settings", settingsOverview);
  site.page("/settings/jobs", jobSettings);
  site.page("/settings/jobs/accept", acceptQuestion);
  site.page("/settings/remotes", remoteSettings);
  site.page("/settings/destinations", destinationSettings);
  site.page("/settings/notifications", notificationSettings);
  site.page("/settings/people", peopleSettings);
  site.page(sessionsOfPerson, (visit, word) => endSessionsQuestion(visit, word("id")));
  site.page(session, (visit, word) => endSessionQuestion(visit, word("id")));
  site.page("/settings/tokens", tokenSettings);
  site.page(revoked, (visit, word) => revokeQuestion(visit, word("id")));
  site.page("/settings/audit", auditSettings);
  site.page("/settings/server", serverSettings);

  site.form("/settings/jobs", async ({ api }) => {
    await api.post("/jobs/read");
    return seeOther("/settings/jobs");
  });
  site.form("/settings/jobs/accept", async ({ api }, form) => {
    await api.post("/jobs/accept", { commit: form.get("commit") ?? "" });
    return seeOther("/settings/jobs");
  });
  site.form("/settings/remotes/look", async ({ api }, form) => {
    await api.post("/remotes/look", { url: form.get("url") ?? "" });
    return seeOther("/settings/remotes");
  });
  site.form("/settings/remotes/deliveries/:number{[0-9]{1,18}}", async ({ api }, _, word) => {
    await api.post(`/deliveries/${word("number")}/repeat`);
    return seeOther(`/settings/remotes#delivery-${word("number")}`);
  });
  site.form("/settings/tokens", async (visit, form) => {
    const jobs = (form.get("jobs") ?? "").split(/[\s,]+/).filter((name) => name !== "");
    const { kind, mayManage } = visit.me;
    const answer = await visit.api.post("/tokens", {
      ...{ name: form.get("name")?.trim() ?? "", role: form.get("role") ?? "" },
      ...{ jobs: jobs.length === 0 ? undefined : jobs, days: Number(form.get("days") ?? "") },
      // Who has logged in by a token has no rights that another one could have.
      ownRights: form.get("own") !== undefined || (kind !== "person" && mayManage),
    });
    return madeToken(visit, (await answer.json()) as NewTokenDocument);
  });
  site.form(revoked, async ({ api }, _, word) => {
    await api.remove(`/tokens/${word("id")}`);
    return seeOther("/settings/tokens");
  });
  site.form(sessionsOfPerson, async ({ api }, _, word) => {
    await api.remove(`/people/${word("id")}/sessions`);
    return seeOther("/settings/people");
  });
  site.form(session, async ({ api, me }, _, word) => {
    await api.remove(`/sessions/${word("id")}`);
    return seeOther(me.mayManage ? "/settings/people" : "/settings/tokens");
  });
}
