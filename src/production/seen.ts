import {
  type FindingKind,
  isAboutImage,
  type Report,
  type ReportedEdge,
  type Verification,
} from "../promotion/index.ts";
import type { EdgeTrouble } from "./health.ts";
import type { SeenTrouble } from "./model.ts";

/** What of a promotion's result, real or dry, is not as asked: what it has done is. */
export function* troublesOfReport({
  work,
  problems,
}: Pick<Report, "work" | "problems">): Generator<SeenTrouble> {
  for (const edge of [...work, ...problems]) {
    const trouble = troubleOf(edge);
    if (trouble === undefined || !isAboutImage(edge)) continue;
    const { destination, digest, tag, current, failure } = edge;
    yield { destination, digest, tag, trouble, current, failure };
  }
}

function troubleOf({ state }: ReportedEdge): EdgeTrouble | undefined {
  switch (state) {
    case "done":
    case "present":
      return undefined;
    case "pending":
    case "withheld":
      return "missing";
    case "conflict":
      return "elsewhere";
    case "overlap":
      return "contested";
    default:
      return state;
  }
}

/** What a verification has found not to be as asked. */
export function* troublesOfVerification({
  findings,
}: Pick<Verification, "findings">): Generator<SeenTrouble> {
  for (const { kind, destination, digest, tag, current, failure } of findings) {
    const trouble = troubleOfFinding[kind];
    if (trouble !== undefined) yield { destination, digest, tag, trouble, current, failure };
  }
}

/** Who vouches for an image says nothing of whether it is there. */
const troubleOfFinding: Readonly<Record<FindingKind, EdgeTrouble | undefined>> = {
  unsigned: undefined,
  "not-verified": undefined,
  policy: undefined,
  "missing-tag": "missing",
  "missing-image": "missing",
  "tag-elsewhere": "elsewhere",
  incomplete: "incomplete",
  corrupt: "corrupt",
  "unlisted-referrer": "unlisted-referrer",
  "missing-attachment": "unlisted-referrer",
  unread: "unread",
};

/** What a promotion has brought to production: images that were copied, and edges that were done. */
export function promotedBy({ work }: Pick<Report, "work">): {
  readonly images: number;
  readonly edges: number;
} {
  const images = new Set<string>();
  let edges = 0;
  for (const edge of work) {
    if (edge.state !== "done" || !isAboutImage(edge)) continue;
    edges += 1;
    if (edge.action === "copy") images.add(edge.digest);
  }
  return { images: images.size, edges };
}
