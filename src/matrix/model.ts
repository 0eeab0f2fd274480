import type { Cause } from "../errors/index.ts";
import type { CellState } from "./states.ts";

/** What a matrix is of: what a promotion does, what a plan would do, or what a verification has found. */
export type MatrixKind = "promotion" | "plan" | "verification";

/** One edge on its way into a matrix. */
export interface MatrixEdge {
  readonly project: string;
  /** The staging repository; what is not known is left out. */
  readonly source?: string | undefined;
  /** The production repository. */
  readonly destination: string;
  readonly digest: string;
  readonly tag: string | null;
  /** `file:line:column` of the line that asks for it. */
  readonly at: string;
  readonly state: CellState;
  readonly note: CellNote | undefined;
}

/** Why a cell says what it says, in words of the report. */
export interface CellNote {
  readonly why?: string | undefined;
  readonly hint?: string | undefined;
  readonly code?: string | undefined;
  readonly reason?: string | undefined;
  /** `copy` or `tag`: what is to be done. */
  readonly action?: string | undefined;
  /** The digest that the tag stands at instead. */
  readonly current?: string | undefined;
  /** `file:line:column` of the policy that stands against it. */
  readonly policy?: string | undefined;
}

/** A tag of a row, or its digest without a tag: what is asked for by one line. */
export interface MatrixEntry {
  readonly tag: string | null;
  readonly at: string;
  /** A letter for each mirror. */
  readonly cells: string;
  /** What is to be said, each of some mirrors, by their numbers. */
  readonly notes: readonly (CellNote & { readonly of: readonly number[] })[];
}

/** A row of a matrix: an image, and a letter for each mirror. */
export interface MatrixRow {
  /** Its number, from 0 on: rows are in the order of their projects, names and tags. */
  readonly at: number;
  readonly project: string;
  /** What its repositories are called below the names of the mirrors. */
  readonly name: string;
  readonly source: string | undefined;
  readonly digest: string;
  readonly tags: readonly string[];
  /** A letter for each mirror: the worst of its entries. */
  readonly cells: string;
  readonly entries: readonly MatrixEntry[];
  /** Production repositories by the number of their mirror, where they are called otherwise than mirror and name. */
  readonly others: Readonly<Record<number, string>>;
}

/** Edges by state; a state that none has may be left out. */
export type CellCounts = Readonly<Partial<Record<CellState, number>>>;

/** A column of a matrix. */
export interface MatrixMirror {
  /** `host`, or `host/path`. */
  readonly name: string;
  readonly counts: CellCounts;
}

/** All of a matrix but its rows. */
export interface MatrixHead {
  readonly kind: MatrixKind;
  readonly mirrors: readonly MatrixMirror[];
  readonly rows: number;
  /** In order. */
  readonly projects: readonly string[];
  readonly counts: CellCounts;
  /** Edges that are as asked, and so are in no row. */
  readonly present: number;
  /** Images that have to be brought somewhere. */
  readonly images: number;
  /** Nothing is written: what waits would be done. */
  readonly isDry: boolean;
  readonly planHash: string | undefined;
  readonly edgesHash: string | undefined;
  /** What the problems come from, so far. */
  readonly causes: readonly Cause[];
  /** What goes on now; `undefined` when nothing does. */
  readonly now: CopyingNow | undefined;
}

/** What is being copied at a moment. */
export interface CopyingNow {
  /** Of the moment, as an ISO time. */
  readonly at: string;
  /** Repositories that were read for the plan, while it is made. */
  readonly planning: { readonly done: number; readonly total: number } | undefined;
  readonly images: readonly CopyingImage[];
  /** Images beyond those. */
  readonly more: number;
  readonly hosts: readonly CopyingHost[];
  /** Bytes sent so far, and in a second of the last ones. */
  readonly sent: number;
  readonly rate: number;
}

/** An image on its way. */
export interface CopyingImage {
  readonly digest: string;
  /** What it is called, with its first tag. */
  readonly name: string;
  readonly destinations: readonly {
    readonly name: string;
    readonly done: number;
    /** As far as it is known. */
    readonly total: number;
    readonly rate: number;
  }[];
}

/** A host, as work with it goes. */
export interface CopyingHost {
  readonly host: string;
  readonly sent: number;
  readonly read: number;
  readonly rate: number;
  /** It wants a pause, or is away. */
  readonly waits?:
    | { readonly for: "pause" | "answer"; readonly reason: string; readonly until?: string | undefined }
    | undefined;
  /** An attempt has failed, and another one follows. */
  readonly retry?:
    | { readonly attempt: number; readonly of: number; readonly reason: string; readonly until: string }
    | undefined;
}
