import { type Database, isPassing } from "../database/index.ts";
import { type Cause, groupByCause, type Problem, problemOf } from "../errors/index.ts";
import type { Listener } from "../events/index.ts";
import {
  causesOfFindings,
  type EdgeEvent,
  edgeName,
  isAboutImage,
  type Plan,
  problemOfEdge,
  type Report,
  reportedEdges,
  type Verification,
} from "../promotion/index.ts";
import { Copying, type CopyingEvent } from "./copying.ts";
import { Counts } from "./counts.ts";
import { type EdgesOfRow, keyOfRow, type LiveRow, MatrixDraft, type OpenMatrix } from "./draft.ts";
import { edgeOfReport, edgesOfFindings } from "./edges.ts";
import type { CellNote, MatrixHead, MatrixKind } from "./model.ts";
import { type CellState, isProblemState } from "./states.ts";
import { changeMatrix, type MatrixOwner, writeMatrix } from "./tables.ts";

/** What a run tells that its matrix is made of. */
export type MatrixEvent = CopyingEvent | EdgeEvent;

/**
 * The matrix of a run that goes on. That it cannot be written is told, and stops nothing; what a database that is away has not taken is
 * written when it is back.
 */
export interface MatrixWriter {
  readonly listener: Listener<MatrixEvent>;
  /** What a plan lists. @param kind `promotion` when it is carried out now. */
  plan(plan: Plan, kind: "promotion" | "plan"): Promise<void>;
  /** What came of it. */
  report(report: Report): Promise<void>;
  /** What a verification has found. */
  verification(found: Verification): Promise<void>;
  /**
   * Writes what is not written yet, and no more.
   * @throws {DatabaseError} while the database is away: whoever has time calls it again.
   */
  close(): Promise<void>;
}

/** A matrix of nothing, for those who keep none. */
export const noMatrix: MatrixWriter = {
  listener: () => {},
  plan: async () => {},
  report: async () => {},
  verification: async () => {},
  close: async () => {},
};

/** Milliseconds between two writes of what changes. */
const every = 100;
/** Milliseconds after which what could not be written is tried again. */
const again = 500;
/** Problems whose causes are told while a run goes on; at its end there are all of them. */
const mostProblems = 5_000;

/**
 * Keeps the matrix of a run while it goes on.
 * @param onProblem Told once of what keeps it from being written.
 */
export function openMatrixWriter(
  db: Pick<Database, "transaction">,
  owner: MatrixOwner,
  onProblem: (error: unknown) => void,
): MatrixWriter {
  return new Writer(db, owner, onProblem);
}

class Writer implements MatrixWriter {
  readonly #db: Pick<Database, "transaction">;
  readonly #owner: MatrixOwner;
  readonly #onProblem: (error: unknown) => void;
  readonly #copying = new Copying(Date.now);
  #kind: MatrixKind = "promotion";
  #plan: Pick<MatrixHead, "present" | "images" | "isDry" | "planHash" | "edgesHash"> = {
    ...{ present: 0, images: 0, isDry: false, planHash: undefined, edgesHash: undefined },
  };
  #matrix: OpenMatrix = new MatrixDraft().close();
  #counts = new Counts([]);
  #projects: readonly string[] = [];
  readonly #byDigest = new Map<string, LiveRow[]>();
  /** By digest, edges that are under way or wait. */
  readonly #left = new Map<string, number>();
  readonly #problems: Problem[] = [];
  #causes: readonly Cause[] = [];
  #areCausesNew = true;
  #changed = new Set<LiveRow>();
  /** All rows are to be written, and not only those that have changed. */
  #isNew = true;
  #isBegun = false;
  #isWhole = false;
  /** Nothing goes on any more. */
  #isSettled = false;
  /** Only who closes it writes now. */
  #isClosed = false;
  /** All is written, or it is not this writer's to write. */
  #isOver = false;
  #hasNews = false;
  #isTold = false;
  /** Why the last write has failed. */
  #failure: unknown;
  #timer: NodeJS.Timeout | undefined;
  #turn: Promise<void> | undefined;

  constructor(db: Pick<Database, "transaction">, owner: MatrixOwner, onProblem: (error: unknown) => void) {
    this.#db = db;
    this.#owner = owner;
    this.#onProblem = onProblem;
  }

  readonly listener = (event: MatrixEvent): void => {
    if (this.#isSettled || this.#isOver) return;
    switch (event.type) {
      case "edge-done":
      case "edge-failed":
        this.#ended(event);
        break;
      case "image-started":
        this.#copying.hear(event);
        for (const row of this.#byDigest.get(event.digest) ?? []) {
          this.#set(row, "copying", { from: "pending" });
        }
        break;
      default:
        this.#copying.hear(event);
    }
    this.#soon();
  };

  async plan(plan: Plan, kind: "promotion" | "plan"): Promise<void> {
    const draft = new MatrixDraft();
    const images = new Set<string>();
    for (const edge of reportedEdges(plan, [])) {
      const listed = edgeOfReport(edge);
      if (listed !== undefined) draft.add(listed);
      if (edge.action === "copy") images.add(edge.digest);
      if (listed !== undefined && isProblemState(listed.state)) this.#addProblem(problemOfEdge(edge));
    }
    const { hash, edgesHash, summary } = plan;
    this.#kind = kind;
    this.#plan = {
      ...{ present: summary.present, images: images.size, isDry: kind === "plan" },
      ...{ planHash: hash, edgesHash },
    };
    this.#copying.planned();
    this.#open(draft.close());
    await this.#begin(kind === "plan");
  }

  async report(report: Report): Promise<void> {
    this.#settle();
    for (const edge of report.problems) {
      const listed = edgeOfReport(edge);
      const row = listed === undefined ? undefined : this.#matrix.rows.get(keyOfRow(listed));
      if (listed === undefined || row === undefined) continue;
      const { state, destination, tag, note } = listed;
      this.#set(row, state, { destination, tag }, note);
    }
    this.#causes = report.causes;
    this.#areCausesNew = false;
    this.#plan = { ...this.#plan, isDry: report.dryRun };
    this.#isWhole = true;
    await this.#turn;
    if (this.#isBegun && !this.#isOver) await this.#pass();
  }

  async verification(found: Verification): Promise<void> {
    const draft = new MatrixDraft();
    for (const edge of edgesOfFindings(found)) draft.add(edge);
    this.#kind = "verification";
    this.#copying.planned();
    this.#open(draft.close());
    const wrong = new Set(
      found.findings.flatMap(({ destination, tag }) => (tag === null ? [] : `${destination}:${tag}`)),
    );
    const present = Math.max(0, found.tags - wrong.size);
    this.#plan = { ...this.#plan, present, images: found.images, isDry: true };
    this.#causes = causesOfFindings(found.findings);
    this.#areCausesNew = false;
    await this.#begin(true);
  }

  readonly close = async (): Promise<void> => {
    this.#isClosed = true;
    if (!this.#isSettled) this.#settle();
    clearTimeout(this.#timer);
    await this.#turn;
    if (!this.#isBegun || this.#isOver) return;
    await this.#pass();
    if (isPassing(this.#failure)) throw this.#failure;
  };

  /** What is under way at the end was cut off. */
  #settle(): void {
    for (const row of this.#matrix.rows.values()) this.#set(row, "pending", { from: "copying" });
    this.#isSettled = true;
  }

  #open(matrix: OpenMatrix): void {
    this.#matrix = matrix;
    this.#counts = new Counts(matrix.mirrors);
    this.#projects = [...new Set([...matrix.rows.values()].map(({ project }) => project))];
    for (const row of matrix.rows.values()) {
      const same = this.#byDigest.get(row.digest);
      if (same === undefined) this.#byDigest.set(row.digest, [row]);
      else same.push(row);
      for (const { mirror, state } of row.edges()) {
        this.#counts.add(mirror, state);
        if (state === "pending") this.#left.set(row.digest, (this.#left.get(row.digest) ?? 0) + 1);
      }
    }
  }

  /** Writes all of it for the first time. */
  async #begin(isWhole: boolean): Promise<void> {
    await this.#turn;
    if (this.#isOver) return;
    this.#isWhole = isWhole;
    this.#isNew = true;
    await this.#pass();
  }

  #ended({ type, failure, ...edge }: EdgeEvent): void {
    if (!isAboutImage(edge)) return;
    const { project, destination, digest, tag, source } = edge;
    const left = (this.#left.get(digest) ?? 1) - 1;
    this.#left.set(digest, left);
    if (left <= 0) this.#copying.over(digest);
    const row = this.#matrix.rows.get(keyOfRow({ project, source, digest }));
    if (row === undefined) return;
    if (type === "edge-done") {
      this.#set(row, "done", { destination, tag });
      return;
    }
    const { code, hint, message } = failure ?? { message: "nobody says why" };
    this.#addProblem({
      ...{ state: "failed", what: edgeName(edge), at: row.placeOf(tag) },
      ...(failure === undefined ? { message } : problemOf(failure)),
    });
    this.#set(row, "failed", { destination, tag }, { why: message, code, hint });
  }

  #set(row: LiveRow, state: CellState, of: EdgesOfRow, note?: CellNote): void {
    const changed = (mirror: number, before: CellState): void => {
      this.#counts.add(mirror, before, -1);
      this.#counts.add(mirror, state);
      this.#changed.add(row);
    };
    row.set(state, of, changed, note);
  }

  #addProblem(problem: Problem): void {
    if (this.#problems.length >= mostProblems) return;
    this.#problems.push(problem);
    this.#areCausesNew = true;
  }

  #head(): MatrixHead {
    if (this.#areCausesNew) this.#causes = groupByCause(this.#problems);
    this.#areCausesNew = false;
    const now =
      this.#isSettled || this.#isWhole ? undefined : this.#copying.read((digest) => this.#nameOf(digest));
    const [rows, projects] = [this.#matrix.rows.size, this.#projects];
    return {
      kind: this.#kind,
      rows,
      projects,
      ...this.#counts.read(),
      ...this.#plan,
      causes: this.#causes,
      now,
    };
  }

  #nameOf(digest: string): string {
    const [row] = this.#byDigest.get(digest) ?? [];
    if (row === undefined) return digest;
    const [tag] = row.tags;
    return `${row.name}${tag === undefined ? `@${digest}` : `:${tag}`}`;
  }

  #soon(wait = every): void {
    this.#hasNews = true;
    if (this.#timer !== undefined || this.#turn !== undefined || this.#isClosed || this.#isOver) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#turn === undefined && !this.#isClosed && !this.#isOver) void this.#pass();
    }, wait);
  }

  /** One write at a time; what has happened meanwhile follows, and what has failed for a database that is away. */
  async #pass(): Promise<void> {
    this.#isBegun = true;
    this.#hasNews = false;
    this.#turn = this.#write();
    await this.#turn;
    this.#turn = undefined;
    if (this.#hasNews) this.#soon(this.#failure === undefined ? every : again);
  }

  async #write(): Promise<void> {
    const [isNew, changed, isLast] = [this.#isNew, this.#changed, this.#isSettled];
    [this.#isNew, this.#changed, this.#failure] = [false, new Set(), undefined];
    const content = { head: this.#head(), rows: isNew ? this.#matrix.rows.values() : changed };
    try {
      const write = isNew ? writeMatrix : changeMatrix;
      const isOurs = await write(this.#db, this.#owner, content, this.#isWhole);
      // What somebody else has by now is not ours to write.
      if (isLast || !isOurs) this.#isOver = true;
    } catch (error) {
      this.#failure = error;
      if (!this.#isTold) this.#onProblem(error);
      this.#isTold = true;
      if (isPassing(error)) {
        this.#isNew ||= isNew;
        for (const row of changed) this.#changed.add(row);
        this.#hasNews = true;
      } else this.#isOver = true;
    }
  }
}
