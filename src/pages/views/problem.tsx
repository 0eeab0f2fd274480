import type { ApiProblem } from "../../server/index.ts";

/** What to do about a failure, in place of what was asked for. */
export function Problem({
  problem,
  address,
}: {
  readonly problem: ApiProblem;
  /** Where it can be asked for once more. */
  readonly address?: string | undefined;
}) {
  const { title, detail, status, instance, code, errors = [] } = problem;
  return (
    <>
      <h1>{headings[status] ?? "That did not work"}</h1>
      <p class="summary">{title}.</p>
      {detail === undefined ? "" : <p>{detail}.</p>}
      {errors.length === 0 ? (
        ""
      ) : (
        <ul>
          {errors.map(({ path, message }) => (
            <li>
              <code>{path}</code>: {message}
            </li>
          ))}
        </ul>
      )}
      <p class="below">
        {code}
        {instance === "" ? "" : `, ${instance}`}
      </p>
      <p class="bar">
        {status >= 500 && address !== undefined ? <a href={address}>Try again</a> : ""}
        <a href="/">What goes on now</a>
      </p>
    </>
  );
}

const headings: Readonly<Record<number, string>> = {
  400: "That cannot be asked for",
  401: "Log in to see this",
  403: "You may not do that",
  404: "There is nothing here",
  409: "That is not possible now",
  422: "That cannot be done",
  503: "The server cannot answer now",
};
