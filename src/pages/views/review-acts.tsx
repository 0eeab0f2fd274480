import type { ShownPullDocument } from "../../server/index.ts";
import { Csrf } from "../layout.tsx";
import { OnForge } from "../parts/forge-links.tsx";
import type { Visit } from "../visit.ts";

/** What can be done to a pull request, in the order of its buttons. */
export const pullActs = ["approve", "cancel-approval", "hold", "lift-hold", "test"] as const;
type PullAct = (typeof pullActs)[number];

const titles: Readonly<Record<PullAct, string>> = {
  approve: "Approve",
  "cancel-approval": "Cancel my approval",
  hold: "Hold",
  "lift-hold": "Lift the hold",
  test: "Test again",
};

/** Buttons for what somebody may do, each saying under which account it is done; in their place, why there are none. */
export function PullActs({ visit, pull }: { readonly visit: Visit; readonly pull: ShownPullDocument }) {
  const { you, page, repo, state } = pull;
  if (state !== "open") return null;
  const may = pullActs.filter((act) => you.acts.some((one) => one.act === act && one.may));
  const elsewhere = (
    <OnForge repo={repo} page={page}>
      the pull request
    </OnForge>
  );
  if (you.login === undefined || may.length === 0) {
    const approving = you.acts.find(({ act }) => act === "approve")?.why;
    return (
      <p class="quiet" id="no-acts">
        There is nothing that you can do to it here: {you.whyNot ?? approving ?? "it is for others"}. Comments
        under {elsewhere} do the same for those who may.
      </p>
    );
  }
  return (
    <div class="pull-acts" id="acts">
      {may.map((act) => (
        <ActForm {...{ visit, pull, act }} />
      ))}
      <p class="quiet">
        As <strong>{you.login}</strong> on the forge; it is told under {elsewhere}.
      </p>
    </div>
  );
}

/**
 * One act. What is approved is what the page showed when it was opened: its form stays as it is while the page is made new, so that
 * nobody approves what has come into it meanwhile.
 */
function ActForm({
  visit: { csrf },
  pull,
  act,
}: {
  readonly visit: Visit;
  readonly pull: ShownPullDocument;
  readonly act: PullAct;
}) {
  const edges = pull.reviews.filter(({ isCurrent }) => isCurrent).map(({ edgesHash }) => edgesHash);
  return (
    <form method="post" action={`/reviews/${pull.id}`} class="acts" id={`act-${act}`} data-kept="">
      <Csrf token={csrf} />
      {act === "approve" ? <input type="hidden" name="edges" value={edges.join(" ")} /> : ""}
      {act === "hold" ? (
        <input name="why" maxlength={200} placeholder="Why (optional)" aria-label="Why it is held" />
      ) : (
        ""
      )}
      <button type="submit" name="act" value={act}>
        {titles[act]}
        {act === "approve" ? (
          <code title={edges.join(" ")}> {(edges[0] ?? "").replace(/^sha256:/, "").slice(0, 8)}</code>
        ) : (
          ""
        )}
      </button>
    </form>
  );
}
