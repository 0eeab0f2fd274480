import type { OpenAPIHono } from "@hono/zod-openapi";
import { html } from "hono/html";
import { mayDo } from "../../access/index.ts";
import { harmless } from "../../errors/index.ts";
import type { QueuedRun, RunWaiting } from "../../queue/index.ts";
import type { Asking, Env } from "../context.ts";
import type { ServerParts } from "../model.ts";
import { idInPath, runIdSchema } from "../schemas.ts";
import { waitingInWords } from "../waiting.ts";

/** Runs on the first page. */
const shownRuns = 50;

/**
 * The two pages that links lead to: what runs, and one run, which statuses, pull requests and messages name. They need neither style nor
 * script, and whatever comes from outside is text in them.
 */
export function addPages(app: OpenAPIHono<Env>, parts: ServerParts): void {
  const { queue, publicUrl } = parts;

  app.get("/", async (c) => {
    if (!mayRead(c, parts)) return closed(c, parts);
    const after = runIdSchema.optional().catch(undefined).parse(c.req.query("after"));
    const { runs, next } = await queue.list({ limit: shownRuns, after });
    const waiting = await queue.whyWaiting(runs.filter(({ state }) => isBefore(state)).map(({ id }) => id));
    const rows = runs.map(
      (run) => html`<tr>
<td>${stateOf(run)}</td>
<td><a href="/runs/${run.id}">${harmless(run.job)}</a></td>
<td>${whenOf(run)}</td>
<td>${sayingOf(run, waiting.get(run.id)) ?? ""}</td>
</tr>`,
    );
    const table = html`<table>
<thead><tr><th>State</th><th>Job</th><th>Since</th><th>What came of it, or what it waits for</th></tr></thead>
<tbody>${rows}</tbody>
</table>`;
    const nothing = html`<p>Nothing has run yet. <code>waybill jobs --server ${publicUrl.origin}</code> lists what may.</p>`;
    return c.html(
      page(
        "Runs",
        html`${runs.length === 0 ? nothing : table}
${next === undefined ? "" : html`<p><a href="/?after=${next}">Those before</a></p>`}
<p>The same for programs: <a href="/api/v1/runs">runs</a>, <a href="/api/v1/jobs">jobs</a>,
<a href="/api/v1/queue">the queue</a>; <a href="/api/v1/openapi.json">what the API is</a>.</p>
${whoIs(c, parts)}`,
      ),
    );
  });

  app.get(`/runs/${idInPath}`, async (c) => {
    if (!mayRead(c, parts)) return closed(c, parts);
    const run = await queue.read(c.req.param("id"));
    const { id, job, state, attempt, repo, ref, commit, details, causes } = run;
    const waiting = await queue.whyWaiting([id]);
    const revision = typeof details?.revision === "string" ? details.revision : commit;
    const api = `/api/v1/runs/${id}`;
    const facts: readonly (readonly [string, string | undefined])[] = [
      ["State", stateOf(run)],
      [isBefore(state) ? "Waits" : "Outcome", sayingOf(run, waiting.get(id))],
      ["Started by", causes.at(-1)?.text],
      ["Repository", repo],
      ["Ref", ref],
      ["Commit", revision],
      ["Asked for", timed(run.askedAt)],
      ["Started", timed(run.startedAt)],
      ["Ended", timed(run.endedAt)],
    ];
    const log = html`<p><a href="${api}/log">Its log</a></p>`;
    const asked = state === "held" ? "release" : state === "ended" ? "show" : "log --follow";
    return c.html(
      page(
        `${job} ${id}`,
        html`<dl>${facts.map(([name, value]) =>
          value === undefined ? "" : html`<dt>${name}</dt><dd>${harmless(value)}</dd>\n`,
        )}</dl>
${attempt === 0 ? "" : log}
<p>The same for programs: <a href="${api}">the run</a>. At a terminal:
<code>waybill runs ${asked} ${id} --server ${publicUrl.origin}</code></p>
<p><a href="/">All runs</a></p>
${whoIs(c, parts)}`,
      ),
    );
  });
}

type Html = ReturnType<typeof html>;

function page(title: string, body: Html): Html {
  return html`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${harmless(title)} · Waybill</title></head>
<body>
<h1>${harmless(title)}</h1>
${body}
</body>
</html>
`;
}

function mayRead(c: Asking, { access }: ServerParts): boolean {
  return mayDo(c.get("identified").principal, "read", undefined, access.settings).isGiven;
}

/** What whoever may not read is shown instead. */
function closed(c: Asking, parts: ServerParts): Response | Promise<Response> {
  const isSomebody = c.get("identified").by !== "nothing";
  const text = isSomebody
    ? html`<p>You may see nothing here. Ask one of its admins for a role.</p>`
    : html`<p>Only those who are known here may see this.</p>`;
  return c.html(page("Waybill", html`${text}\n${whoIs(c, parts)}`), isSomebody ? 403 : 401);
}

/** Who is logged in, or how to. */
function whoIs(c: Asking, { access: { logins }, publicUrl }: ServerParts): Html {
  const { by, principal } = c.get("identified");
  if (by !== "nothing") return html`<p>You are ${harmless(principal.name)}.</p>`;
  const back = encodeURIComponent(new URL(c.req.url).pathname);
  const ways = logins.providers.map(
    (name) => html`<li><a href="/auth/${name}?return=${back}">${name}</a></li>\n`,
  );
  const token = html`<p>With a token: <code>WAYBILL_TOKEN_FILE=FILE waybill runs --server ${publicUrl.origin}</code></p>`;
  return ways.length === 0 ? token : html`<p>Log in:</p>\n<ul>${ways}</ul>\n${token}`;
}

function isBefore(state: QueuedRun["state"]): boolean {
  return state === "held" || state === "waiting";
}

function stateOf({ state, result }: QueuedRun): string {
  return result ?? state;
}

function sayingOf(run: QueuedRun, waiting: RunWaiting | undefined): string | undefined {
  const said = waiting === undefined ? run.details?.summary : waitingInWords(waiting);
  return said === undefined ? undefined : harmless(said);
}

function whenOf({ startedAt, askedAt }: QueuedRun): string {
  return timed(startedAt ?? askedAt) ?? "";
}

function timed(date: Date | undefined): string | undefined {
  return date
    ?.toISOString()
    .replace("T", " ")
    .replace(/\.[0-9]+Z$/, "Z");
}
