import { basename, dirname, extname } from "node:path/posix";
import {
  type Finding,
  type FindingKind,
  isAboutImage,
  type ReportedEdge,
  type Verification,
} from "../promotion/index.ts";
import type { CellNote, MatrixEdge } from "./model.ts";
import type { CellState } from "./states.ts";

/** An edge of a plan or report, as a matrix has it; nothing of what is as asked, or is no image. */
export function edgeOfReport(edge: ReportedEdge): MatrixEdge | undefined {
  const { state } = edge;
  if (state === "present" || !isAboutImage(edge)) return undefined;
  const { project, source, destination, digest, tag, at } = edge;
  return { project, source, destination, digest, tag, at, state, note: noteOf(edge) };
}

/** Why an edge is as it is; nothing where that is plain. */
export function noteOf(edge: ReportedEdge & { readonly current?: string | undefined }): CellNote {
  const { action, why, failure, reason, policy, current } = edge;
  const said = { action, why, reason, policy, current, code: failure?.code, hint: failure?.hint };
  return Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined));
}

const stateOfFinding: Readonly<Record<FindingKind, CellState>> = {
  "missing-tag": "missing",
  "missing-image": "missing",
  "tag-elsewhere": "conflict",
  incomplete: "incomplete",
  "unlisted-referrer": "unlisted-referrer",
  "missing-attachment": "unlisted-referrer",
  corrupt: "corrupt",
  unsigned: "refused",
  "not-verified": "refused",
  policy: "refused",
  unread: "unread",
};

/** What verification has found, as edges of a matrix. */
export function* edgesOfFindings({ findings }: Pick<Verification, "findings">): Generator<MatrixEdge> {
  for (const finding of findings) {
    const { kind, destination, digest, tag, at, message, current, failure } = finding;
    const note = { why: message, reason: kind, current, code: failure?.code, hint: failure?.hint };
    const state = stateOfFinding[kind];
    yield { project: projectOf(finding), destination, digest, tag, at, state, note };
  }
}

/** The project that a line belongs to: the folder of its file, or a plain manifest's own name. */
function projectOf({ place: { file } }: Finding): string {
  const folder = basename(dirname(file));
  return folder === "" || folder === "." ? basename(file, extname(file)) : folder;
}
