import { html, raw } from "hono/html";
import type { Child } from "hono/jsx";
import type { MeDocument } from "../server/index.ts";
import { assetAddress } from "./assets.ts";

/** Who looks at a page, and what it is about. */
export interface Frame {
  readonly title: string;
  /** The path of the part of the site that it belongs to. */
  readonly part?: string | undefined;
  readonly me: MeDocument | undefined;
  /** Of the page itself, with its query. */
  readonly address: string;
  /** What the search box holds. */
  readonly searched?: string | undefined;
  /** Whether the page is read anew when something has happened. */
  readonly isLive?: boolean | undefined;
  /** The run whose changes alone have a live page read anew; `none` where a script of its own keeps it new. */
  readonly about?: string | undefined;
  /**
   * What else the one stream of a live page tells, as its query: `run=ID&events=0`. Scripts hear it as `told` of the document. With
   * `later`, the stream begins when one of them says what by a `follow`.
   */
  readonly stream?: string | undefined;
  readonly csrf: string;
  /** A script of its own beside the one of all pages. */
  readonly script?: string | undefined;
}

const parts = [
  { path: "/", title: "Now" },
  { path: "/runs", title: "Runs" },
  { path: "/jobs", title: "Jobs" },
  { path: "/images", title: "Images" },
  { path: "/production", title: "Production" },
  { path: "/reviews", title: "Reviews" },
  { path: "/settings", title: "Settings" },
] as const;

/** A whole document. */
export function page(frame: Frame, content: Child) {
  const { title, part, me, address, isLive, about, stream, csrf, searched, script } = frame;
  const live = isLive === true ? { "data-live": "", "data-about": about, "data-stream": stream } : {};
  const body = (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>{`${title} · Waybill`}</title>
        <link rel="stylesheet" href={assetAddress("page.css")} />
        <link rel="icon" href={assetAddress("icon.svg")} type="image/svg+xml" />
        <script type="module" src={assetAddress("page.js")} />
        {script === undefined ? "" : <script type="module" src={assetAddress(script)} />}
      </head>
      <body>
        <a class="skip" href="#main">
          Skip to the content
        </a>
        <header>
          <a class="name" href="/">
            <img src={assetAddress("icon.svg")} alt="" width="24" height="24" />
            Waybill
          </a>
          <nav aria-label="Pages">
            {parts.map(({ path, title }) => (
              <a href={path} aria-current={path === part ? "page" : undefined}>
                {title}
              </a>
            ))}
          </nav>
          <search>
            <form action="/find">
              <input
                {...{ type: "search", name: "q", value: searched, maxlength: 500, autocomplete: "off" }}
                aria-label="Find an image, tag, digest, commit, run, job or pull request"
                placeholder="Image, tag, digest, commit, run, #7"
              />
            </form>
          </search>
          <Somebody {...{ me, address, csrf }} />
        </header>
        <main id="main" tabindex={-1} {...live}>
          {content}
        </main>
        <p id="told" role="status" class="told" />
      </body>
    </html>
  );
  return html`${raw("<!doctype html>")}${body}`;
}

function Somebody({ me, address, csrf }: Pick<Frame, "me" | "address" | "csrf">) {
  if (me === undefined || me.kind === "anonymous") {
    return (
      <a class="who" href={`/login?return=${encodeURIComponent(address)}`}>
        Log in
      </a>
    );
  }
  return (
    <form class="who" method="post" action="/logout">
      <Csrf token={csrf} />
      <span title={me.role === undefined ? "without a role" : `role: ${me.role}`}>{me.name}</span>
      <button type="submit" class="quiet">
        Log out
      </button>
    </form>
  );
}

/** What a form of ours has, and one that somebody else made has not. */
export function Csrf({ token }: { readonly token: string }) {
  return <input type="hidden" name="csrf" value={token} />;
}
