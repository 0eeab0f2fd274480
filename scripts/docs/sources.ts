import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";

/** All files of `src/`, parsed. */
export function sourceFiles(): readonly ts.SourceFile[] {
  return readdirSync("src", { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts"))
    .toSorted()
    .map((path) => parsed(join("src", path)));
}

export function parsed(path: string): ts.SourceFile {
  return ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.ES2022, true);
}

/** The comment above a declaration, as text of Markdown. */
export function commentOf(node: ts.Node): string {
  const [comment] = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc);
  const text = ts.getTextOfJSDocComment(comment?.comment) ?? "";
  return text.replaceAll(/\{@link (\w+)\}/g, "`$1`");
}

/** The first sentence of a comment, without its full stop. */
export function firstSentence(text: string): string {
  const [first = ""] = text.split(/\n\s*\n|\n(?=-|\d\. )|(?<=[.:;])\s+(?=[A-Z`])/);
  return first.replaceAll(/\s+/g, " ").replace(/[.:;]$/, "");
}
