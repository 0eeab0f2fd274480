import { reviewedWords } from "../../promotion/index.ts";
import type {
  JudgedReviewDocument,
  ReviewedLineDocument,
  ReviewFindingDocument,
} from "../../server/index.ts";
import { Change, Digest } from "../parts/change.tsx";
import { Table } from "../parts/table.tsx";
import { Time } from "../parts/time.tsx";
import { countOf } from "../parts/words.ts";
import type { Listed } from "../tables.ts";
import { Changes, Verdict } from "./reviews.tsx";

/** Projects and files that are listed before the rest of them is folded. */
const mostShown = 5;
/** Projects of which the page tells at all; what their lines are, the table says of all. */
const mostProjects = 200;

/** What one review says of all of the change: its verdict, what it is of, and what approvals are bound to. */
export function ReviewFacts({ review }: { readonly review: JudgedReviewDocument }) {
  const { job, run, commit, base, at, edgesHash, planHash, edges, isCurrent } = review;
  const notes = [
    ...(isCurrent ? [] : ["It is of an older commit: the newest one is not reviewed yet."]),
    ...(review.offline ? ["No registry was asked: what is in staging and in production is not known."] : []),
    ...(review.allowRemovals ? ["What is taken away is mentioned, and fails nothing."] : []),
    ...(review.passedOver === 0
      ? []
      : [
          review.passedOver === 1
            ? "One other project cannot be touched by it and was not looked at."
            : `${countOf(review.passedOver)} other projects cannot be touched by it and were not looked at.`,
        ]),
    ...(review.outside.errors + review.outside.warnings === 0
      ? []
      : [
          `Elsewhere there were ${countOf(review.outside.errors)} errors and ${countOf(review.outside.warnings)} warnings before.`,
        ]),
    ...(review.isCut ? ["There is more than is shown here: the run has all of it."] : []),
  ];
  return (
    <>
      <p class="summary">
        <Verdict of={review.verdict} />{" "}
        <Changes of={{ added: edges.added ?? 0, removed: edges.removed ?? 0, moved: edges.moved ?? 0 }} />{" "}
        <span class="quiet">{countOf(edges.unchanged ?? 0)} as before</span>
      </p>
      <dl class="facts">
        <div>
          <dt>What approvals are bound to</dt>
          <dd>
            <code>{edgesHash}</code>
          </dd>
        </div>
        <div>
          <dt>Of</dt>
          <dd>
            <code title={commit}>{commit.slice(0, 12)}</code> against{" "}
            <code title={base}>{base.slice(0, 12)}</code>
          </dd>
        </div>
        <div>
          <dt>Made</dt>
          <dd>
            <Time at={at} /> by <a href={`/runs/${run}`}>{job}</a>
          </dd>
        </div>
        {planHash === undefined ? (
          ""
        ) : (
          <div>
            <dt>Plan</dt>
            <dd>
              <code title={planHash}>{planHash.slice(0, 19)}</code>
            </dd>
          </div>
        )}
      </dl>
      {notes.map((note) => (
        <p class="quiet">{note}</p>
      ))}
    </>
  );
}

/** What a review found, by its causes, each with the way out; one cause opens to its first findings. */
export function Causes({ id, review }: { readonly id: string; readonly review: JudgedReviewDocument }) {
  const { causes, job } = review;
  if (causes.length === 0) return <p class="empty">Nothing was found: the change is sound.</p>;
  return (
    <ul class="causes">
      {causes.map(({ severity, code, hint, count, first }, at) => (
        <li class={severity}>
          <details id={`cause-${job}-${at}`} open={severity === "fails"}>
            <summary>
              <strong>{severity === "fails" ? "✗ fails" : "· worth knowing"}</strong> <code>{code}</code>{" "}
              {count === 1 ? "" : <span class="count">{countOf(count)} times</span>}
              {hint === undefined ? "" : <span class="below">What to do: {hint}</span>}
            </summary>
            <ul class="found">
              {first.map((finding) => (
                <li>
                  <code>{placeOf(finding)}</code>
                  {finding.gone ? " (at the base)" : ""}
                  {finding.isOld ? " (it was so before)" : ""}: {finding.message}
                </li>
              ))}
            </ul>
            {count > first.length ? (
              <p>
                <a
                  href={`/reviews/${id}/findings?job=${encodeURIComponent(job)}&code=${code}&severity=${severity}`}
                >
                  All {countOf(count)}
                </a>
              </p>
            ) : (
              ""
            )}
          </details>
        </li>
      ))}
    </ul>
  );
}

export function placeOf({ file, line }: Pick<ReviewFindingDocument, "file" | "line">): string {
  return line === undefined ? file : `${file}:${line}`;
}

/** The projects that a change touches, with their files and who may approve these. */
export function Projects({ id, review }: { readonly id: string; readonly review: JudgedReviewDocument }) {
  const shown = review.projects.slice(0, mostProjects);
  const rest = review.projects.length - shown.length;
  const items = shown.map((project) => (
    <li>
      <a
        href={`/reviews/${id}?job=${encodeURIComponent(review.job)}&project=${encodeURIComponent(project.project)}#lines`}
      >
        {project.project}
      </a>{" "}
      <Lines of={project} />
      {project.newDestinations.map(({ name, edges, mayPush }) => (
        <span class="below">
          <Change of="added" /> destination <code>{name}</code>, with {countOf(edges)} images of lines that
          were there before
          {mayPush === "no"
            ? "; it does not let us push"
            : mayPush === "unknown"
              ? "; whether it lets us push is not known"
              : ""}
        </span>
      ))}
      {project.removedDestinations.map((name) => (
        <span class="below">
          <Change of="removed" /> destination <code>{name}</code>
        </span>
      ))}
      <Files of={project.files} />
    </li>
  ));
  return (
    <>
      <ul class="projects">{items.slice(0, mostShown)}</ul>
      {items.length > mostShown ? (
        <details id={`projects-${review.job}`}>
          <summary>{countOf(items.length - mostShown)} more projects</summary>
          <ul class="projects">{items.slice(mostShown)}</ul>
        </details>
      ) : (
        ""
      )}
      {rest > 0 ? <p class="quiet">{countOf(rest)} more are not listed: the table of lines has them.</p> : ""}
    </>
  );
}

/** How many lines are otherwise, whatever the number of their destinations. */
function Lines({
  of: { added, removed, moved },
}: {
  readonly of: { added: number; removed: number; moved: number };
}) {
  const all = added + removed + moved;
  return (
    <>
      <span class="quiet">
        {all === 0 ? "no line is otherwise" : all === 1 ? "1 line" : `${countOf(all)} lines`}
      </span>{" "}
      {all === 0 ? "" : <Changes of={{ added, removed, moved }} />}
    </>
  );
}

function Files({ of }: { readonly of: JudgedReviewDocument["projects"][number]["files"] }) {
  const items = of.map(({ file, owners }) => (
    <span class="below">
      <code>{file}</code>
      {owners === undefined
        ? ""
        : owners.approvers.length === 0
          ? ": nobody may approve it"
          : `: may be approved by ${owners.approvers.join(", ")}`}
      {owners === undefined || owners.reviewers.length === 0
        ? ""
        : `; reviewed by ${owners.reviewers.join(", ")}`}
    </span>
  ));
  return <>{items.slice(0, 20)}</>;
}

/** What lines of a review are limited to, and where they go on. */
interface ShownLines {
  readonly id: string;
  readonly review: JudgedReviewDocument;
  readonly lines: Listed<ReviewedLineDocument>;
  readonly search: URLSearchParams;
}

const kinds = ["added", "removed", "moved"] as const;

/** The lines of a review, by pages. */
export function LinesOf({ id, review, lines, search }: ShownLines) {
  const at = (change: Readonly<Record<string, string | undefined>>): string => {
    const next = new URLSearchParams(search);
    next.delete("after");
    for (const [name, value] of Object.entries(change)) {
      if (value === undefined) next.delete(name);
      else next.set(name, value);
    }
    const query = next.toString();
    return `/reviews/${id}${query === "" ? "" : `?${query}`}#lines`;
  };
  const kind = search.get("kind");
  const project = search.get("project");
  const isWhole = kind === null && project === null && !search.has("after");
  return (
    <>
      <nav aria-label="Which lines" class="bar">
        <a
          href={at({ kind: undefined, project: undefined })}
          aria-current={kind === null ? "page" : undefined}
        >
          All
        </a>
        {kinds.map((name) => (
          <a href={at({ kind: name })} aria-current={kind === name ? "page" : undefined}>
            <Change of={name} />
          </a>
        ))}
        {project === null ? "" : <span>of the project {project}</span>}
      </nav>
      <Table
        label="Lines"
        columns={[
          { title: "Change", cell: (line) => <Change of={line.kind} /> },
          {
            title: "Image",
            cell: ({ image, tag, project: whose, what, since }) => (
              <>
                <code>{tag === null ? image : `${image}:${tag}`}</code>
                {tag === null ? " without a tag" : ""}
                <span class="below">
                  {whose}
                  {what === "" ? "" : `: ${what}`}
                </span>
                {since === "" ? "" : <span class="below">since the version before: {since}</span>}
              </>
            ),
          },
          {
            title: "Digest",
            cell: ({ digest, before }) => (
              <>
                <Digest of={digest} />
                {before === undefined ? (
                  ""
                ) : (
                  <span class="below">
                    was <Digest of={before} />
                  </span>
                )}
              </>
            ),
          },
          { title: "Attached", cell: ({ attached }) => attached },
          { title: "To be done", cell: (line) => <ToBeDone line={line} /> },
          { title: "Asked for at", cell: (line) => <code>{placeOf(line)}</code> },
        ]}
        of={lines}
        keyOf={({ number }) => `line-${number}`}
        empty={
          isWhole && review.lines === 0 ? (
            "No line asks for anything else than before."
          ) : (
            <>
              No line is like that. <a href={at({ kind: undefined, project: undefined })}>All lines</a>
            </>
          )
        }
      />
      <nav aria-label="Pages of the lines" class="bar">
        {search.has("after") ? <a href={at({})}>First lines</a> : ""}
        {lines.next === undefined ? "" : <a href={at({ after: lines.next })}>More lines</a>}
        <span class="quiet">{countOf(review.lines)} lines in all</span>
      </nav>
    </>
  );
}

const verdictWords: Readonly<Record<string, string>> = reviewedWords;

function ToBeDone({ line }: { readonly line: ReviewedLineDocument }) {
  const { kind, verdicts = {}, destinations, number } = line;
  const found = Object.entries(verdicts).map(
    ([verdict, count]) => `${count} ${verdictWords[verdict] ?? verdict}`,
  );
  const everywhere = destinations.length === 1 ? "1 destination" : `${destinations.length} destinations`;
  const words =
    kind === "removed" ? `taken away from ${everywhere}` : found.length === 0 ? everywhere : found.join(", ");
  return (
    <details id={`to-${number}`}>
      <summary>{words}</summary>
      <ul class="plainly">
        {destinations.map((name) => (
          <li>
            <code>{name}</code>
          </li>
        ))}
      </ul>
    </details>
  );
}
