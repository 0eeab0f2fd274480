import { accessTable } from "./access.ts";
import { apiTable } from "./api.ts";
import { errorCodesTable, fileCodesTables, manifestCodesTable } from "./codes.ts";
import { optionsTable, verbsTable } from "./commands.ts";
import { exitCodesTable } from "./exit-codes.ts";
import { fieldsTable } from "./fields.ts";
import { libraryTables } from "./library.ts";
import { oldFlagsTable, oldVerbsTable } from "./old-spellings.ts";
import { settingsTable } from "./settings.ts";

/** Everything that pages take from code, by the name that their markers have. */
const makers: Readonly<Record<string, (words: readonly string[]) => string>> = {
  verbs: verbsTable,
  options: optionsTable,
  "exit-codes": exitCodesTable,
  fields: fieldsTable,
  "old-verbs": oldVerbsTable,
  "old-flags": oldFlagsTable,
  "file-codes": fileCodesTables,
  "error-codes": errorCodesTable,
  "manifest-codes": manifestCodesTable,
  library: libraryTables,
  settings: settingsTable,
  access: accessTable,
  api: apiTable,
};

/** Pages with parts that are made, by their paths from the top of the project. */
const pages = [
  "docs/access.md",
  "docs/codes.md",
  "docs/commands.md",
  "docs/configuration.md",
  "docs/exit-codes-and-reports.md",
  "docs/library.md",
  "docs/manifest-reference.md",
  "docs/old-spellings.md",
  "docs/server-api.md",
  "docs/trace.md",
  "docs/wait.md",
] as const;

/** A page as it is, and as it is made. */
export interface MadePage {
  readonly page: string;
  readonly before: string;
  readonly after: string;
}

/**
 * Makes anew what stands between `<!-- made: NAME -->` and `<!-- end -->`. Words behind the name say what of it is meant.
 * @param read a page, by its path.
 * @throws when a page asks for what nobody makes, or has no such part.
 */
export function madePages(read: (page: string) => string): readonly MadePage[] {
  return pages.map((page) => {
    const before = read(page);
    let parts = 0;
    const after = before.replaceAll(
      /(<!-- made: (\S+)(.*?) -->\n)[\s\S]*?(<!-- end -->)/g,
      (_, start: string, name: string, words: string, end: string) => {
        const make = makers[name];
        if (make === undefined) throw new Error(`${page}: nobody makes ${name}`);
        parts += 1;
        return `${start}\n${make(words.split(" ").filter((word) => word !== ""))}\n\n${end}`;
      },
    );
    if (parts === 0) throw new Error(`${page}: nothing of it is made`);
    return { page, before, after };
  });
}
