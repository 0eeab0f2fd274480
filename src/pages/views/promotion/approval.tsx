import type {
  ComparedWorkDocument,
  PromotionApprovalDocument,
  PromotionDocument,
  ShownRunDocument,
} from "../../../server/index.ts";
import { Digest } from "../../parts/change.tsx";
import { type Column, Table } from "../../parts/table.tsx";
import { countOf } from "../../parts/words.ts";
import type { Listed } from "../../tables.ts";
import type { Visit } from "../../visit.ts";
import { inWords } from "./words.ts";

/** What a run does beside what was approved. */
export interface ShownApproval {
  readonly sums: PromotionApprovalDocument;
  readonly pulls: Listed<PromotionApprovalDocument["pulls"][number]>;
  readonly unapproved: Listed<ComparedWorkDocument>;
  readonly left: Listed<ComparedWorkDocument>;
  readonly approved: Listed<ComparedWorkDocument>;
}

/** Of each list, what a page shows. */
const shown = 50;

/** What a run does beside what was approved; of what does not promote, nothing. */
export async function approvalOf(
  visit: Visit,
  { id, kind }: Pick<ShownRunDocument, "id" | "kind">,
): Promise<ShownApproval | undefined> {
  if (kind !== "promote") return undefined;
  const path = `/runs/${id}/promotion`;
  const listOf = (which: ComparedWorkDocument["found"]) =>
    visit.list<ComparedWorkDocument>(which, `${path}/approved`, { which, limit: String(shown) });
  const unapproved = await listOf("unapproved");
  const left = await listOf("left");
  const approved = await listOf("approved");
  const sums = await visit.api.get<PromotionApprovalDocument>(`${path}/approval`);
  return { sums, pulls: visit.rows("approvals", sums.pulls), unapproved, left, approved };
}

interface ApprovalProps {
  readonly run: Pick<ShownRunDocument, "state">;
  readonly promotion: PromotionDocument;
  readonly approval: ShownApproval;
}

/** The difference to what was approved: what nobody was shown before it was merged, and what was shown and is not done. */
export function ApprovalSection({ run, promotion, approval }: ApprovalProps) {
  const { sums, pulls, unapproved, left, approved } = approval;
  return (
    <section id="approval" aria-labelledby="approval-title">
      <h2 id="approval-title">Against what was approved</h2>
      <p>
        {sums.why === undefined ? sentenceOf(sums) : `Nobody is known here to have approved it: ${sums.why}.`}
        {sums.isWhole ? "" : " Counted are the first 500 images; the lists go on."}
        {run.state === "ended" ? "" : " As it was when this page was read."}
      </p>
      <Table
        label="Pull requests that this run is of"
        columns={[
          { title: "Pull request", cell: ({ id, number, title }) => <PullLink {...{ id, number, title }} /> },
          {
            title: "Approved by",
            cell: ({ by, whyNot }) =>
              whyNot === undefined ? by.join(", ") : <span class="state failure">{`nobody: ${whyNot}`}</span>,
          },
          { title: "Edges", cell: ({ edgesHash }) => edgesHash && <Digest of={edgesHash} /> },
          {
            title: "Known by",
            cell: ({ isAtCommit }) => (isAtCommit ? "the commit of its merge" : "its images"),
          },
          {
            title: "Review",
            cell: ({ run: review, isPlanKept }) =>
              review === undefined ? (
                "–"
              ) : isPlanKept ? (
                <a href={`/runs/${review}/promotion`}>its plan</a>
              ) : (
                "its lines"
              ),
          },
        ]}
        of={pulls}
        empty="No merged pull request that was seen here is known to have asked for it."
      />
      <h3>Work without an approved review</h3>
      <Table
        label="Work without an approved review"
        columns={columnsFor(promotion)}
        of={unapproved}
        empty={unapproved.next === undefined ? "Nothing." : more("Nothing of the first images.")}
      />
      <More of={unapproved} />
      <h3>Approved, and no work of this run</h3>
      <Table
        label="Approved, and no work of this run"
        columns={columnsFor(promotion)}
        of={left}
        empty={left.next === undefined ? "Nothing that is known." : more("Nothing of the first images.")}
      />
      <More of={left} />
      <h3>Work that was approved</h3>
      <Table
        label="Work that was approved"
        columns={columnsFor(promotion)}
        of={approved}
        empty={approved.next === undefined ? "Nothing that is known." : more("Nothing of the first images.")}
      />
      <More of={approved} />
    </section>
  );
}

function sentenceOf({ edges: { approved, unapproved, left } }: PromotionApprovalDocument): string {
  return `Approved: ${edgesOf(approved)} · in no approved review: ${edgesOf(unapproved)} · approved, and no work of this run: ${edgesOf(left)}.`;
}

function edgesOf(count: number): string {
  return `${countOf(count)} ${count === 1 ? "edge" : "edges"}`;
}

function more(words: string): string {
  return `${words} There are more than a page looks at: the list goes on in JSON and CSV.`;
}

function More({ of: { items, next } }: { readonly of: Listed<ComparedWorkDocument> }) {
  if (next === undefined || items.length === 0) return "";
  return <p class="quiet">{`The first ${countOf(items.length)}; CSV and JSON have up to 500 at a time.`}</p>;
}

function columnsFor(promotion: PromotionDocument): readonly Column<ComparedWorkDocument>[] {
  return [
    {
      title: "Image",
      cell: ({ name, tag }) => <code>{tag === null ? name : `${name}:${tag}`}</code>,
    },
    {
      title: "Digest",
      cell: ({ digest }) => (
        <a href={`/find?q=${digest}`}>
          <Digest of={digest} />
        </a>
      ),
    },
    {
      title: "Now",
      cell: ({ state }) =>
        state === "not-listed"
          ? "nothing to do: as asked, or not asked for any more"
          : inWords(state, promotion),
    },
    { title: "Mirrors", cell: ({ mirrors }) => mirrors.join(", ") },
    {
      title: "Shown by",
      cell: ({ pull }) => (pull === undefined ? "no approved review" : <PullLink {...pull} />),
    },
    { title: "Approved by", cell: ({ pull }) => pull?.by.join(", ") ?? "nobody" },
    { title: "Edges", cell: ({ pull }) => pull?.edgesHash && <Digest of={pull.edgesHash} /> },
  ];
}

function PullLink({
  id,
  number,
  title,
}: {
  readonly id: string;
  readonly number: number;
  readonly title?: string;
}) {
  return <a href={`/reviews/${id}`}>{title === undefined ? `#${number}` : `#${number} ${title}`}</a>;
}
