import type { JudgedReviewDocument, RunDocument, ShownPullDocument } from "../../server/index.ts";
import { State, stateOf } from "../parts/state.tsx";
import { Table } from "../parts/table.tsx";
import { Duration, Time } from "../parts/time.tsx";
import type { Visit } from "../visit.ts";

const reasons = {
  "not-an-approver": "may not approve this",
  "commit-unknown": "nobody can tell what was approved",
  "edges-changed": "something else was approved than is asked for now",
} as const;

interface ShownApproval {
  readonly who: string;
  readonly counts: "yes" | "no" | "not judged";
  readonly why: string;
  readonly commit: string | undefined;
  readonly at: string | undefined;
}

/** Who has approved it, whether that counts, and for what. */
export function Approvals({ visit, pull }: { readonly visit: Visit; readonly pull: ShownPullDocument }) {
  const { reviews, words, head } = pull;
  const judged = reviews
    .filter(({ isCurrent }) => isCurrent)
    .find(({ approvals }) => approvals !== undefined);
  const known = judged?.approvals === undefined ? [] : approvalsOf(judged.approvals);
  // What was said since the review was made is not judged yet.
  const later = words
    .filter(({ user, commit }) => !known.some((one) => isSame(one, user, commit)))
    .map(({ user, commit, at, isCurrent }) => ({
      ...{ who: user, counts: "not judged" as const, commit, at },
      why: isCurrent ? "given since the last review" : "of an older commit",
    }));
  const rows = visit.rows<ShownApproval>("approvals", [...known, ...later]);
  return (
    <>
      {judged === undefined ? (
        <p class="quiet">
          No review of the newest commit judges approvals: a job does with <code>requireApproval: true</code>.
          What the forge itself demands stands beside.
        </p>
      ) : (
        ""
      )}
      <Table
        label="Approvals"
        columns={[
          { title: "Who", cell: ({ who }) => who },
          {
            title: "Counts",
            cell: ({ counts }) => (
              <State
                of={counts === "yes" ? "success" : counts === "no" ? "failure" : "waiting"}
                word={counts}
              />
            ),
          },
          { title: "Why", cell: ({ why }) => why },
          {
            title: "Of",
            cell: ({ commit }) =>
              commit === undefined ? (
                <span class="none">not known</span>
              ) : (
                <>
                  <code title={commit}>{commit.slice(0, 12)}</code>
                  {commit === head ? "" : <span class="below">older</span>}
                </>
              ),
          },
          { title: "When", cell: ({ at }) => <Time at={at} /> },
        ]}
        of={rows}
        empty="Nobody has approved it."
      />
    </>
  );
}

function approvalsOf(approvals: NonNullable<JudgedReviewDocument["approvals"]>): readonly ShownApproval[] {
  return [
    ...approvals.standing.map(({ user, commit, at }) => ({
      ...{ who: user, counts: "yes" as const, why: "it is of these edges", commit, at },
    })),
    ...approvals.void.map(({ approval: { user, commit, at }, reason }) => ({
      ...{ who: user, counts: "no" as const, why: reasons[reason], commit, at },
    })),
  ];
}

function isSame(one: ShownApproval, user: string, commit: string | undefined): boolean {
  return one.who.toLowerCase() === user.toLowerCase() && one.commit === commit;
}

/** What was commanded, in comments and here. */
export function Commands({ visit, pull }: { readonly visit: Visit; readonly pull: ShownPullDocument }) {
  return (
    <Table
      label="Commands"
      columns={[
        { title: "Command", cell: ({ line }) => <code>{line}</code> },
        { title: "Who", cell: ({ who }) => who },
        { title: "Where", cell: ({ onPage }) => (onPage ? "here" : "in a comment") },
        {
          title: "Outcome",
          cell: ({ outcome, text }) => (
            <>
              <State of={outcome === "done" ? "success" : "failure"} word={outcome} />
              {text === undefined ? "" : <span class="below">{text}</span>}
            </>
          ),
        },
        { title: "When", cell: ({ at }) => <Time at={at} /> },
      ]}
      of={visit.rows("commands", pull.commands)}
      empty="No command was given yet."
    />
  );
}

/** The runs that were about it. */
export function PullRuns({ visit, runs }: { readonly visit: Visit; readonly runs: readonly RunDocument[] }) {
  return (
    <Table
      label="Runs"
      columns={[
        { title: "State", cell: (run) => <State of={stateOf(run)} /> },
        { title: "Job", cell: (run) => <a href={`/runs/${run.id}`}>{run.job}</a> },
        {
          title: "Commit",
          cell: ({ revision }) =>
            revision === undefined ? (
              <span class="none">–</span>
            ) : (
              <code title={revision}>{revision.slice(0, 12)}</code>
            ),
        },
        { title: "What came of it", cell: (run) => run.summary ?? run.waiting?.text ?? run.held ?? "" },
        { title: "Why", cell: ({ causes }) => causes[0]?.text },
        { title: "Asked for", cell: ({ askedAt }) => <Time at={askedAt} /> },
        {
          title: "Took",
          cell: (run) => <Duration from={run.startedAt} to={run.endedAt} now={visit.now} />,
          isNumber: true,
        },
      ]}
      of={visit.rows("runs", runs)}
      keyOf={({ id }) => `run-${id}`}
      empty="No job has run for it yet."
    />
  );
}
