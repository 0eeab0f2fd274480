import { setTimeout as sleep } from "node:timers/promises";
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

/** The matrix of a run that goes on. Its methods do not throw: that it cannot be written is told, and stops nothing. */
export interface MatrixWriter {
  readonly listener: Listener<MatrixEvent>;
  /** What a plan lists. @param kind `promotion` when it is carried out now. */
  plan(plan: Plan, kind: "promotion" | "plan"): Promise<void>;
  /** What came of it. */
  report(report: Report): Promise<void>;
  /** What a verification has found. */
  verification(found: Verification): Promise<void>;
  /** Writes what is not written yet, and no more. */
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
const again = 1_000;
/** Problems whose causes are told while a run goes on; at its end there are all of them. */
const mostProblems = 5_000;

/**
 * Keeps the matrix of a run while it goes on.
 * @param onProblem Told once of what keeps it from being written.
 */
export function openMatrixWriter(
  db: Database,
  owner: MatrixOwner,
  onProblem: (error: unknown) => void,
): MatrixWriter {
  return new Writer(db, owner, onProblem);
}

class Writer implements MatrixWriter {
  readonly #db: Database;
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
  #isBegun = false;
  #isWhole = false;
  #isOver = false;
  #hasNews = false;
  #isTold = false;
  #timer: NodeJS.Timeout | undefined;
  #turn: Promise<void> | undefined;

  constructor(db: Database, owner: MatrixOwner, onProblem: (error: unknown) => void) {
    this.#db = db;
    this.#owner = owner;
    this.#onProblem = onProblem;
  }

  readonly listener = (event: MatrixEvent): void => {
    if (this.#isOver) return;
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
    for (const row of this.#matrix.rows.values()) this.#set(row, "pending", { from: "copying" });
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
    await this.close();
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
    if (this.#isOver) return;
    // What was cut off is not under way any more.
    for (const row of this.#matrix.rows.values()) this.#set(row, "pending", { from: "copying" });
    this.#isOver = true;
    clearTimeout(this.#timer);
    await this.#turn;
    if (this.#isBegun) await this.#pass();
  };

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
    this.#isBegun = true;
    this.#changed = new Set();
    await this.#alone(() =>
      writeMatrix(this.#db, this.#owner, { head: this.#head(), rows: this.#matrix.rows.values() }, isWhole),
    );
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
      this.#isOver || this.#isWhole ? undefined : this.#copying.read((digest) => this.#nameOf(digest));
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

  #soon(): void {
    this.#hasNews = true;
    if (this.#timer !== undefined || this.#turn !== undefined || this.#isOver) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#turn === undefined && !this.#isOver) void this.#pass();
    }, every);
  }

  #pass(): Promise<void> {
    this.#hasNews = false;
    const rows = [...this.#changed];
    this.#changed = new Set();
    const write = this.#isBegun ? changeMatrix : writeMatrix;
    this.#isBegun = true;
    return this.#alone(() => write(this.#db, this.#owner, { head: this.#head(), rows }, this.#isWhole));
  }

  /** One write at a time; what has happened meanwhile follows. */
  async #alone(write: () => Promise<boolean>): Promise<void> {
    this.#turn = this.#tried(write);
    await this.#turn;
    this.#turn = undefined;
    if (this.#hasNews) this.#soon();
  }

  /** A database that is away is waited for a little; what cannot be written then is made of the record later. */
  async #tried(write: () => Promise<boolean>): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        // What somebody else has by now is not ours to write.
        if (!(await write())) this.#isOver = true;
        return;
      } catch (error) {
        if (isPassing(error) && attempt < 3) {
          await sleep(again);
          continue;
        }
        this.#isOver = true;
        if (!this.#isTold) this.#onProblem(error);
        this.#isTold = true;
        return;
      }
    }
  }
}
