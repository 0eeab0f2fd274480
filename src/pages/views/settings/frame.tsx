import type { Child } from "hono/jsx";
import type { MeDocument } from "../../../server/index.ts";
import { Csrf } from "../../layout.tsx";
import type { Answered, Visit } from "../../visit.ts";

interface Part {
  readonly path: string;
  readonly title: string;
  /** Whether it has anything for somebody: what it does not have, it would not show anyway. */
  readonly isFor: (me: MeDocument) => boolean;
}

const everybody = (): boolean => true;
const managers = ({ mayManage }: MeDocument): boolean => mayManage;

const parts: readonly Part[] = [
  { path: "/settings", title: "Overview", isFor: everybody },
  { path: "/settings/jobs", title: "Jobs", isFor: everybody },
  { path: "/settings/remotes", title: "Remotes", isFor: everybody },
  { path: "/settings/destinations", title: "Destinations", isFor: everybody },
  { path: "/settings/notifications", title: "Notifications", isFor: managers },
  { path: "/settings/people", title: "People", isFor: managers },
  { path: "/settings/tokens", title: "Tokens", isFor: ({ kind }) => kind !== "anonymous" },
  { path: "/settings/audit", title: "Audit log", isFor: managers },
  { path: "/settings/server", title: "Server", isFor: everybody },
];

/** A page of the settings, with the ways to the others. */
export function settingsPage(visit: Visit, path: string, content: Child): Answered {
  const part = parts.find((each) => each.path === path);
  const title = part === undefined || path === "/settings" ? "Settings" : part.title;
  return visit.page(
    { title, part: "/settings" },
    <>
      <nav class="tabs" aria-label="Settings">
        {parts
          .filter(({ isFor }) => isFor(visit.me))
          .map((each) => (
            <a href={each.path} aria-current={each.path === path ? "page" : undefined}>
              {each.title}
            </a>
          ))}
      </nav>
      {content}
    </>,
  );
}

interface ActProps {
  readonly visit: Visit;
  readonly action: string;
  readonly title: string;
  /** What it is done to, for those who hear the button alone. */
  readonly of?: string | undefined;
  /** More of what is sent. */
  readonly fields?: Readonly<Record<string, string>>;
}

/** A button of those who are known to the server; whether somebody may do it, the API decides. */
export function Act({ visit: { me, csrf }, action, title, of, fields = {} }: ActProps) {
  if (me.kind === "anonymous") return null;
  return (
    <form method="post" action={action} class="acts">
      <Csrf token={csrf} />
      {Object.entries(fields).map(([name, value]) => (
        <input type="hidden" name={name} value={value} />
      ))}
      <button type="submit" aria-label={of === undefined ? undefined : `${title}: ${of}`}>
        {title}
      </button>
    </form>
  );
}

interface QuestionProps {
  readonly visit: Visit;
  /** The part of the settings that it belongs to, and where whoever says no goes. */
  readonly path: string;
  readonly title: string;
  readonly action: string;
  readonly button: string;
  readonly fields?: Readonly<Record<string, string>>;
  /** What becomes of it. */
  readonly children: Child;
}

/** A page that asks before something is done that cannot be undone. */
export function question({
  visit,
  path,
  title,
  action,
  button,
  fields = {},
  children,
}: QuestionProps): Answered {
  return settingsPage(
    visit,
    path,
    <>
      <h1>{title}</h1>
      {children}
      <form method="post" action={action} class="bar">
        <Csrf token={visit.csrf} />
        {Object.entries(fields).map(([name, value]) => (
          <input type="hidden" name={name} value={value} />
        ))}
        <button type="submit" class="danger">
          {button}
        </button>
        <a href={path}>No, go back</a>
      </form>
    </>,
  );
}
