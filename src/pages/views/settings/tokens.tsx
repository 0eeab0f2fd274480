import type { NewTokenDocument, TokenDocument } from "../../../server/index.ts";
import { Csrf } from "../../layout.tsx";
import { ListPages } from "../../parts/list-pages.tsx";
import { Mark } from "../../parts/mark.tsx";
import { Table } from "../../parts/table.tsx";
import { Time } from "../../parts/time.tsx";
import type { Answered, Visit } from "../../visit.ts";
import { question, settingsPage } from "./frame.tsx";
import { Sessions, sessionsOf } from "./people.tsx";

const path = "/settings/tokens";
const roles = ["reader", "runner", "releaser", "admin"] as const;
/** Milliseconds before its end in which a token is shown as ending. */
const endsSoon = 7 * 24 * 60 * 60_000;

/** Tokens: one's own, or all for an admin. */
export async function tokenSettings(visit: Visit): Promise<Answered> {
  const { me, url } = visit;
  // A token has no tokens: who has logged in by one is shown the session alone.
  const hasTokens = me.kind === "person" || me.mayManage;
  const [after, person] = ["after", "person"].map((name) => url.searchParams.get(name) ?? undefined);
  const [tokens, sessions] = await Promise.all([
    hasTokens ? visit.list<TokenDocument>("tokens", "/tokens", { after, person, limit: "100" }) : undefined,
    me.mayManage ? undefined : sessionsOf(visit),
  ]);
  return settingsPage(
    visit,
    path,
    <>
      <h1>Tokens</h1>
      {tokens === undefined ? (
        <p class="empty">
          You have logged in by a token, and tokens make no others: log in as a person, or ask an admin for
          one.
        </p>
      ) : (
        <>
          <Table
            label="Tokens"
            columns={[
              { title: "Name", cell: ({ name }) => <strong>{name}</strong> },
              { title: "At most", cell: ({ role }) => role },
              { title: "Jobs", cell: ({ jobs }) => jobs?.join(", ") ?? "all" },
              { title: "Made by", cell: ({ madeBy }) => madeBy },
              { title: "Made", cell: ({ madeAt }) => <Time at={madeAt} /> },
              {
                title: "Last used",
                cell: ({ usedAt, usedFrom }) => (
                  <>
                    {usedAt === undefined ? <span class="none">never</span> : <Time at={usedAt} />}
                    {usedFrom === undefined ? "" : <span class="below">from {usedFrom}</span>}
                  </>
                ),
              },
              { title: "Ends", cell: (token) => <Ends token={token} now={visit.now} /> },
              {
                title: "Act",
                cell: ({ id, name }) =>
                  isUuid(id) ? (
                    <a href={`${path}/${id}/revoke`} aria-label={`Revoke ${name}`}>
                      Revoke
                    </a>
                  ) : (
                    <span class="none">of the settings</span>
                  ),
              },
            ]}
            of={tokens}
            keyOf={({ id }) => `token-${id}`}
            empty="There are no tokens. Make one below for a program that asks the API."
          />
          <ListPages url={visit.url} of={tokens} />
          <NewToken visit={visit} />
        </>
      )}
      {sessions === undefined ? (
        ""
      ) : (
        <section aria-labelledby="sessions">
          <h2 id="sessions">Your sessions</h2>
          <Sessions sessions={sessions} />
        </section>
      )}
    </>,
  );
}

function isUuid(id: string): boolean {
  return /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id);
}

function Ends({ token: { endsAt }, now }: { readonly token: TokenDocument; readonly now: Date }) {
  const isSoon = Date.parse(endsAt) - now.getTime() < endsSoon;
  return (
    <>
      <Time at={endsAt} /> {isSoon ? <Mark of="uncertain" word="soon" /> : ""}
    </>
  );
}

function NewToken({ visit: { me, csrf } }: { readonly visit: Visit }) {
  return (
    <section aria-labelledby="new">
      <h2 id="new">Make a token</h2>
      <form method="post" action={path} class="filters">
        <Csrf token={csrf} />
        <label>
          What it is for <input name="name" required maxlength={100} placeholder="ci of org/repo" />
        </label>
        <label>
          It may at most{" "}
          <select name="role">
            {roles.map((role) => (
              <option value={role}>{role}</option>
            ))}
          </select>
        </label>
        <label>
          Jobs, all when empty <input name="jobs" maxlength={5000} placeholder="push-app, nightly" />
        </label>
        <label>
          Days <input type="number" name="days" min={1} max={366} value="90" required />
        </label>
        {me.mayManage && me.kind === "person" ? (
          <label class="check">
            <span>
              <input type="checkbox" name="own" /> with rights of its own, whoever comes and goes
            </span>
          </label>
        ) : (
          ""
        )}
        <button type="submit">Make it</button>
      </form>
    </section>
  );
}

/** The page on which a new token is shown, this once. */
export function madeToken(visit: Visit, { name, token, role, endsAt }: NewTokenDocument): Answered {
  return settingsPage(
    visit,
    path,
    <>
      <h1>The token {name}</h1>
      <p>
        This is shown once, and kept nowhere: copy it now. It may do what a {role} may, until{" "}
        <Time at={endsAt} />.
      </p>
      <p>
        <output class="secret">
          <code>{token}</code>
        </output>
      </p>
      <p>
        A program sends it as <code>Authorization: Bearer TOKEN</code>; waybill takes it from{" "}
        <code>WAYBILL_TOKEN</code>. Reading this page anew would make another one.
      </p>
      <p>
        <a href={path}>All tokens</a>
      </p>
    </>,
  );
}

/** Asks before a token is ended. */
export function revokeQuestion(visit: Visit, id: string): Answered {
  return question({
    ...{ visit, path, title: "Revoke a token", action: `${path}/${id}/revoke`, button: "Revoke it" },
    children: (
      <p>
        Whoever shows the token <code>{id.slice(0, 8)}</code> is refused from then on, and sessions that began
        with it end. It cannot be brought back.
      </p>
    ),
  });
}
