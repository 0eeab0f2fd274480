import type { Digest, RepositoryName, Tag } from "../../oci/index.ts";
import { companionKey } from "../../trust/index.ts";
import type { Plan } from "../plan.ts";
import { plannedTravels } from "./planned.ts";

/** Something that hangs on an image at its source and is not brought to these destinations. */
export interface ReportedLeftBehind {
  /** In the order of their names. */
  readonly destinations: readonly RepositoryName[];
  /** The image that it hangs on. */
  readonly image: Digest;
  readonly source: RepositoryName;
  readonly project: string;
  /** Of the manifest or, under a tag of cosign's, of the layer. */
  readonly digest: Digest;
  /** What it is about. */
  readonly subject: Digest;
  /** Of cosign's, where it is a layer under it. */
  readonly tag?: Tag;
  /** What the layer is known by with its annotations. */
  readonly layer?: Digest;
  /** What it is and who signed it, in words. */
  readonly says?: string;
  readonly reason: "not-accepted" | "other-kind" | "subject-left";
}

/** What stays behind of that which hangs on the images of a plan. */
export function leftBehindIn(plan: Pick<Plan, "sections">): readonly ReportedLeftBehind[] {
  return plannedTravels(plan).flatMap(({ destinations, image, source, project, left = [] }) =>
    left.map((each) => ({ destinations, image, source, project, ...each })),
  );
}

/** What stays behind for one reason. */
interface LeftForOneReason {
  /** How much there is of it, each once however many destinations it does not go to, and why. */
  readonly message: string;
  /** What each of them is, and where. */
  readonly names: readonly string[];
}

/** What stays behind, by the reason for it. */
export function leftBehindInWords(all: readonly ReportedLeftBehind[]): readonly LeftForOneReason[] {
  const byReason = new Map<ReportedLeftBehind["reason"], Map<string, string>>();
  for (const left of all) {
    const { source, digest, tag, says, reason } = left;
    const names = byReason.get(reason) ?? new Map<string, string>();
    const reference = tag === undefined ? `${source}@${digest}` : `${source}:${tag}@${digest}`;
    names.set(`${source} ${companionKey(left)}`, says === undefined ? reference : `${reference} (${says})`);
    byReason.set(reason, names);
  }
  return [...byReason].sort().map(([reason, names]) => {
    const [one, several] = reasonWords[reason];
    const message =
      names.size === 1
        ? `1 attachment stays behind: ${one}`
        : `${names.size} attachments stay behind: ${several}`;
    return { message, names: [...names.values()].sort() };
  });
}

/** Of one, and of several. */
const reasonWords: Readonly<Record<ReportedLeftBehind["reason"], readonly [string, string]>> = {
  "not-accepted": ["no policy accepts it", "no policy accepts them"],
  "other-kind": ["trust.travel leaves its kind behind", "trust.travel leaves their kinds behind"],
  "subject-left": ["what it is about stays behind", "what they are about stays behind"],
};
