import type { Answered, Visit } from "../visit.ts";

/** Where people say who they are. */
export function loginPage(visit: Visit, wrong?: string): Answered {
  const { me, url } = visit;
  const returnTo = url.searchParams.get("return") ?? "/";
  return visit.page(
    { title: "Log in" },
    <>
      <h1>Log in</h1>
      {wrong === undefined ? (
        ""
      ) : (
        <p class="problem" role="alert">
          {wrong}
        </p>
      )}
      {me.login.length === 0 ? (
        ""
      ) : (
        <ul class="logins">
          {me.login.map((name) => (
            <li>
              <a
                class="button"
                href={`/auth/${encodeURIComponent(name)}?return=${encodeURIComponent(returnTo)}`}
              >
                Log in with {name}
              </a>
            </li>
          ))}
        </ul>
      )}
      <form method="post" action={`/login?return=${encodeURIComponent(returnTo)}`} class="filters">
        <label>
          Token{" "}
          <input
            {...{ type: "password", name: "token", required: true, maxlength: 200 }}
            autocomplete="off"
          />
        </label>
        <button type="submit">Log in</button>
      </form>
      <p>
        The first admin's token is in the file <code>admin-token</code> of the data folder, which{" "}
        <code>waybill serve</code> names when it starts.
      </p>
    </>,
  );
}
