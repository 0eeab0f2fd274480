import { html } from "hono/html";
import { type ForgedRepository, type ForgeState, holdLabel } from "./state.ts";

/** What people see of the forge: as much as shows that there is one. */
export function frontPage(state: ForgeState): ReturnType<typeof html> {
  return document(
    "A small forge",
    html`<p>It lives as long as the demonstration. Git reads all of it, and whoever has a token pushes.</p>
      <ul>${state.repositories.map(
        ({ path, proposals }) =>
          html`<li><code>${path}</code>${proposals.map(
            ({ number, title, state: said }) =>
              html` · <a href="/${path}/pulls/${number}">#${number} ${title}</a> (${said})`,
          )}</li>`,
      )}</ul>`,
  );
}

/** A pull request, with all that was said under it, as text. */
export function proposalPage(
  state: ForgeState,
  repository: ForgedRepository,
  number: number,
): ReturnType<typeof html> | undefined {
  const proposal = repository.proposals.find((one) => one.number === number);
  if (proposal === undefined) return undefined;
  const { title, state: said, labels, by, body, remarks, base, head, headCommit, mergeCommit } = proposal;
  const statuses = state.statusesOf(repository, headCommit);
  const isHeld = labels.includes(holdLabel);
  return document(
    title,
    html`<p><strong>${said}</strong>${isHeld && said === "open" ? ", held" : ""} · <code>${head}</code> into
        <code>${base}</code> of <code>${repository.path}</code> · by ${by.name}</p>
      ${mergeCommit === undefined ? "" : html`<p>merged as <code>${mergeCommit}</code></p>`}
      ${labels.length === 0 ? "" : html`<p>labels: ${labels.join(", ")}</p>`}
      <ul>${statuses.map(
        ({ context, state: is, description, url }) =>
          html`<li><code>${context}</code> ${is}: ${/^http:/.test(url) ? html`<a href="${url}">${description}</a>` : description}</li>`,
      )}</ul>
      <pre>${seen(body)}</pre>
      ${remarks.map(({ by: who, at, body: text }) => html`<h2>${who.name}, ${at}</h2><pre>${seen(text)}</pre>`)}`,
  );
}

/** Without the marks that programs leave for themselves. */
function seen(text: string): string {
  return text.replace(/<!--.*?-->\n?/gs, "");
}

const style = `body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color-scheme: light dark }
pre { white-space: pre-wrap; overflow-wrap: anywhere; border: 1px solid #8886; border-radius: 6px; padding: .75rem }
h1 { font-size: 1.4rem } h2 { font-size: 1rem }`;

/** What its pages may do: nothing but be looked at. */
export const forgePolicy =
  "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'";

function document(title: string, content: ReturnType<typeof html>): ReturnType<typeof html> {
  return html`<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
    <title>${title}</title><style>${style}</style></head><body><main><h1>${title}</h1>${content}</main></body></html>`;
}
