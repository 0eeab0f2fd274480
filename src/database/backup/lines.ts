import * as z from "zod/mini";
import { DatabaseError } from "../errors.ts";

/** What a line of a backup says: its first sign says what, the rest is JSON. Rows stay text: their numbers are longer than ours. */
export type BackupLine =
  | { readonly kind: "head"; readonly head: BackupHead }
  | { readonly kind: "table"; readonly table: BackupTable }
  | { readonly kind: "row"; readonly row: string }
  | { readonly kind: "sequence"; readonly sequence: z.infer<typeof sequence> }
  | { readonly kind: "end"; readonly rows: number };

const head = z.object({
  format: z.literal("waybill-database-1"),
  madeAt: z.string(),
  postgres: z.string(),
  migrations: z.array(z.object({ id: z.string(), digest: z.string() })),
});

/** What is said of a backup before its tables. */
export type BackupHead = z.infer<typeof head>;

/** Names as they stand in a statement; what is no such name is refused, for a backup may have been in other hands. */
const identifier = z.string().check(z.regex(/^(?:[a-z_][a-z0-9_$]*|"(?:[^"\0]|"")+")$/));
const table = z.object({ name: identifier, columns: z.array(z.object({ name: identifier })) });

/** A table of a backup. */
export type BackupTable = z.infer<typeof table>;

const sequence = z.object({
  name: identifier,
  value: z.string().check(z.regex(/^-?\d+$/)),
  isCalled: z.boolean(),
});
const end = z.object({ rows: z.number() });

/** What a line says, as it stands in the file. */
export function backupLine(line: BackupLine): string {
  switch (line.kind) {
    case "head":
      return `H${JSON.stringify(line.head)}\n`;
    case "table":
      return `T${JSON.stringify(line.table)}\n`;
    case "row":
      return `R${line.row}\n`;
    case "sequence":
      return `S${JSON.stringify(line.sequence)}\n`;
    case "end":
      return `E${JSON.stringify({ rows: line.rows })}\n`;
  }
}

/** Reads a line. Throws {@link DatabaseError} `unreadable`. */
export function readBackupLine(text: string, where: string): BackupLine {
  const rest = text.slice(1);
  const said = <Shape>(shape: z.ZodMiniType<Shape>): Shape => {
    const read = z.safeParse(shape, parsed(rest));
    if (read.success) return read.data;
    throw unreadableBackup(where);
  };
  switch (text[0]) {
    case "H":
      return { kind: "head", head: said(head) };
    case "T":
      return { kind: "table", table: said(table) };
    case "R":
      return { kind: "row", row: rest };
    case "S":
      return { kind: "sequence", sequence: said(sequence) };
    case "E":
      return { kind: "end", ...said(end) };
    default:
      throw unreadableBackup(where);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A file that is no backup, or not all of one. */
export function unreadableBackup(
  where: string,
  reason = "this is not a backup, or only the beginning of one",
): DatabaseError {
  return new DatabaseError("unreadable", reason, { where, hint: "restore another one" });
}
