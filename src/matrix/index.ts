export { MatrixDraft } from "./draft.ts";
export { matrixMigrations } from "./migrations.ts";
export { mirrorsOf } from "./mirrors.ts";
export type {
  CellCounts,
  CellNote,
  CopyingHost,
  CopyingImage,
  CopyingNow,
  MatrixEdge,
  MatrixEntry,
  MatrixHead,
  MatrixKind,
  MatrixMirror,
  MatrixRow,
} from "./model.ts";
export {
  countMatrixRows,
  type MatrixQuery,
  type MatrixStart,
  mirrorsOfRuns,
  onMatrixChange,
  type RankedRow,
  readMatrix,
  readMatrixRow,
  readMatrixRows,
  readRowsOfDigests,
  repositoryOfCell,
  runsThatShare,
  type StoredMatrix,
} from "./read.ts";
export { type CellState, cellStates, isProblemState, stateOfLetter } from "./states.ts";
export { type MatrixEvent, type MatrixWriter, noMatrix, openMatrixWriter } from "./write.ts";
