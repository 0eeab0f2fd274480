import { list, readDocument, type Shape, scalar } from "../schema/index.ts";
import type { OwnersFindings } from "./findings.ts";

/** A list of names, as they are compared. */
export const names: Shape<readonly string[]> = list(
  scalar("a name", ({ value }) => ({ value: normalName(value) })),
  { what: "a list of names" },
);

/** A name as it is compared: in lower case, without the sign that some write before it. */
export function normalName(name: string): string {
  return name.trim().toLowerCase().replace(/^@/, "");
}

/** What the text of a file says, as a shape reads it; that of an empty text is `undefined`, as it is of one with an error. */
export function readText<Value>(shape: Shape<Value>, findings: OwnersFindings): Value | undefined {
  const root = readDocument(findings, "keep one document in a file")?.root;
  return root === undefined ? undefined : shape.read(root, { findings, path: "" });
}
