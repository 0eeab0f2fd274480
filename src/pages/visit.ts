import { html } from "hono/html";
import type { Child } from "hono/jsx";
import type { MeDocument, RequestOrigin } from "../server/index.ts";
import { type Api, apiFor } from "./api.ts";
import { csrfOf } from "./csrf.ts";
import { type Frame, page } from "./layout.tsx";
import type { PagesParts } from "./model.ts";
import { type Listed, listsOf, type TableFormat } from "./tables.ts";

/** Somebody's visit to a page: what was asked for, by whom, and what it may be answered from. */
export interface Visit {
  readonly api: Api;
  readonly me: MeDocument;
  readonly now: Date;
  readonly url: URL;
  readonly csrf: string;
  readonly publicUrl: URL;
  /** What one list of the page is asked for as, in place of the page. */
  readonly format: TableFormat | undefined;
  /** A page of a list of the API, under the name that a table has on this page. @throws {ApiFailure} */
  list<Row extends object>(
    name: string,
    path: string,
    query?: Readonly<Record<string, string | undefined>>,
  ): Promise<Listed<Row>>;
  /** A list that the API has as a part of something else. */
  rows<Row extends object>(name: string, rows: readonly Row[]): Listed<Row>;
  /** The whole document. */
  page(frame: Omit<Frame, "me" | "address" | "csrf">, content: Child): Answered;
  /** A part of one, which a script puts into it. */
  fragment(content: Child): Answered;
}

/** A document, as text that is known to be safe. */
export type Answered = ReturnType<typeof page>;

/** Finds out who looks. @throws {ApiFailure} when the server cannot say. */
export async function visitOf(
  { api, publicUrl }: PagesParts,
  { request, from }: { readonly request: Request; readonly from: RequestOrigin },
): Promise<Visit> {
  const asked = apiFor(api, { request, from });
  const me = await asked.get<MeDocument>("/me");
  const url = new URL(request.url);
  const csrf = csrfOf(request);
  const address = `${url.pathname}${url.search}`;
  return {
    ...{ api: asked, me, now: new Date(), url, csrf, publicUrl },
    ...listsOf(asked, url),
    page: (frame, content) => page({ ...frame, me, address, csrf }, content),
    fragment: (content) => html`${content}`,
  };
}
