import type { GrantDocument, PersonDocument, SessionDocument } from "../../../server/index.ts";
import { ListPages } from "../../parts/list-pages.tsx";
import { Table } from "../../parts/table.tsx";
import { Time } from "../../parts/time.tsx";
import type { Answered, Visit } from "../../visit.ts";
import { question, settingsPage } from "./frame.tsx";

const path = "/settings/people";

/** People who have logged in, what they may do and from what. */
export async function peopleSettings(visit: Visit): Promise<Answered> {
  const { searchParams } = visit.url;
  const search = searchParams.get("search") || undefined;
  const after = searchParams.get("after") ?? undefined;
  const [people, grants, sessions] = await Promise.all([
    visit.list<PersonDocument>("people", "/people", { search, after, limit: "100" }),
    visit.list<GrantDocument>("roles", "/roles"),
    visit.list<SessionDocument>("sessions", "/sessions", { limit: "100" }),
  ]);
  return settingsPage(
    visit,
    path,
    <>
      <h1>People</h1>
      <form action={path} class="filters">
        <label>
          Login or name <input name="search" value={search ?? ""} maxlength={200} />
        </label>
        <button type="submit">Show</button>
      </form>
      <Table
        label="People"
        columns={[
          {
            title: "Who",
            cell: ({ name, login, provider }) => (
              <>
                <strong>{name}</strong>
                <span class="below">{`${provider}:${login}`}</span>
              </>
            ),
          },
          { title: "Role", cell: ({ role }) => role ?? <span class="none">none</span> },
          { title: "From", cell: (person) => <FromWhat person={person} grants={grants.items} /> },
          { title: "Last login", cell: ({ seenAt }) => <Time at={seenAt} /> },
          { title: "Sessions", cell: ({ sessions }) => sessions, isNumber: true },
          {
            title: "Tokens",
            cell: ({ id, tokens }) => <a href={`/settings/tokens?person=${id}`}>{tokens}</a>,
            isNumber: true,
          },
          {
            title: "Act",
            cell: ({ id, name, sessions }) =>
              sessions === 0 ? (
                ""
              ) : (
                <a href={`${path}/${id}/sessions`} aria-label={`End all sessions of ${name}`}>
                  End all sessions
                </a>
              ),
          },
        ]}
        of={people}
        keyOf={({ id }) => `person-${id}`}
        empty={
          search === undefined
            ? "Nobody has logged in yet. Where people log in stands below serve.access.providers in waybill.yaml."
            : "Nobody has that in a login or a name."
        }
      />
      <ListPages url={visit.url} of={people} />
      <section aria-labelledby="roles">
        <h2 id="roles">Roles, as the settings give them</h2>
        <Table
          label="Roles"
          columns={[
            { title: "Role", cell: ({ role }) => <strong>{role}</strong> },
            { title: "Everybody", cell: ({ everyone }) => (everyone ? "yes" : "") },
            { title: "Users", cell: ({ users }) => users.join(", ") },
            { title: "Groups and teams", cell: ({ groups }) => groups.join(", ") },
          ]}
          of={grants}
          empty="No role is given to anybody."
        />
      </section>
      <section aria-labelledby="sessions">
        <h2 id="sessions">Sessions</h2>
        <Sessions sessions={sessions} />
      </section>
    </>,
  );
}

/** Browsers that are logged in. */
export function Sessions({ sessions }: { readonly sessions: Awaited<ReturnType<typeof sessionsOf>> }) {
  return (
    <Table
      label="Sessions"
      columns={[
        {
          title: "Whose",
          cell: ({ owner }) => (
            <>
              {owner.name}
              {owner.kind === "token" ? <span class="below">by a token</span> : ""}
            </>
          ),
        },
        { title: "Logged in", cell: ({ madeAt }) => <Time at={madeAt} /> },
        { title: "Last used", cell: ({ usedAt }) => <Time at={usedAt} /> },
        { title: "Ends", cell: ({ endsAt }) => <Time at={endsAt} /> },
        {
          title: "Act",
          cell: ({ id, owner }) => (
            <a
              href={`/settings/sessions/${id}/end`}
              aria-label={`End session ${id.slice(0, 8)} of ${owner.name}`}
            >
              End
            </a>
          ),
        },
      ]}
      of={sessions}
      keyOf={({ id }) => `session-${id}`}
      empty="No browser is logged in."
    />
  );
}

/** The sessions that whoever looks may see. */
export function sessionsOf(visit: Visit) {
  return visit.list<SessionDocument>("sessions", "/sessions", { limit: "100" });
}

/** What of the settings gives somebody a role, as far as it shows. */
function FromWhat({
  person,
  grants,
}: {
  readonly person: PersonDocument;
  readonly grants: readonly GrantDocument[];
}) {
  const grant = grants.find(({ role }) => role === person.role);
  if (grant === undefined) return null;
  const isOwn = (own: readonly string[]) => (named: string) =>
    own.some((name) =>
      [name, `${person.provider}:${name}`].some((each) => each.toLowerCase() === named.toLowerCase()),
    );
  const users = grant.users.filter(isOwn([person.login]));
  const groups = grant.groups.filter(isOwn(person.groups));
  const words = [...users.map((name) => `user ${name}`), ...groups.map((name) => `group ${name}`)];
  if (words.length > 0) return <>{words.join(", ")}</>;
  return <>{grant.everyone ? "everybody who has logged in" : "the number of the account"}</>;
}

/** Asks before all sessions of somebody are ended. */
export function endSessionsQuestion(visit: Visit, id: string): Answered {
  return question({
    ...{
      visit,
      path,
      title: "End all sessions",
      action: `${path}/${id}/sessions`,
      button: "End all sessions",
    },
    children: <p>Each browser of this person has to log in again. Tokens of the person go on to work.</p>,
  });
}

/** Asks before a session is ended. */
export function endSessionQuestion(visit: Visit, id: string): Answered {
  return question({
    ...{ visit, path: visit.me.mayManage ? path : "/settings/tokens", title: "End a session" },
    ...{ action: `/settings/sessions/${id}/end`, button: "End the session" },
    children: (
      <p>
        Its browser has to log in again. It may be the one that you look at this with: session{" "}
        <code>{id.slice(0, 8)}</code>.
      </p>
    ),
  });
}
