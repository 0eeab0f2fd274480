import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

export const root = resolve(import.meta.dirname, "../..");

/** Every page of the documents, by its path from the top of the project. */
export const pages: readonly string[] = [
  ...["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"],
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".md"))
    .map((path) => join("docs", path))
    .sort(),
];

/** A block of code: the words behind its fence, its text, and the line of the page that the text begins at. */
export interface Block {
  readonly language: string;
  /** Whether a test runs what it shows: `run` stands behind the language. */
  readonly isRun: boolean;
  /** Whether a test runs it against a server: `served` stands behind the language. */
  readonly isServed: boolean;
  readonly text: string;
  readonly line: number;
}

export function textOf(page: string): string {
  return readFileSync(join(root, page), "utf8");
}

export function blocksOf(page: string): readonly Block[] {
  const text = textOf(page);
  return Array.from(
    text.matchAll(/^( *)```([^\n]*)\n(.*?)^\1```$/gms),
    ([all, , info = "", body = ""], _index) => ({
      language: info.split(" ")[0] ?? "",
      isRun: info.split(" ").includes("run"),
      isServed: info.split(" ").includes("served"),
      text: body,
      line: text.slice(0, text.indexOf(all)).split("\n").length + 1,
    }),
  );
}

/** The page without its blocks of code. */
export function proseOf(page: string): string {
  return textOf(page).replace(/^( *)```.*?^\1```$/gms, "");
}

/** What stands in backticks in the prose of a page. */
export function codeSpansOf(page: string): readonly string[] {
  return Array.from(proseOf(page).matchAll(/`([^`\n]+)`/g), ([, code = ""]) => code);
}

/** A command line that a page shows, and what stands below it. */
export interface ShownCommand {
  readonly line: string;
  readonly output: string;
}

/** The lines with a prompt in a block of a console, or all lines of one for a shell. */
export function commandsOf({ language, text }: Pick<Block, "language" | "text">): readonly ShownCommand[] {
  const lines = text
    .replaceAll(/ *\\\n */g, " ")
    .split("\n")
    .slice(0, -1);
  if (language === "sh") {
    return lines.filter((line) => line !== "" && !line.startsWith("#")).map((line) => ({ line, output: "" }));
  }
  if (language !== "console") return [];
  const shown: { line: string; output: string }[] = [];
  for (const line of lines) {
    if (line.startsWith("$ ")) shown.push({ line: line.slice(2), output: "" });
    else {
      const last = shown.at(-1);
      if (last !== undefined) last.output += `${line}\n`;
    }
  }
  return shown;
}
