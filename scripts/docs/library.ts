import { dirname, join } from "node:path";
import ts from "typescript";
import { commentOf, firstSentence, parsed } from "./sources.ts";
import { code, table } from "./table.ts";

/** What the library is for, and the rooms that do it. */
const subjects: Readonly<Record<string, readonly string[]>> = {
  "Manifests and what they ask for": ["manifest", "check", "diagnostics", "edges", "comparison"],
  "From staging into manifests": ["merge", "staging", "snapshot"],
  "Into production": ["promotion"],
  "Pull requests and releases": ["review", "release", "forge"],
  "What hangs on images": ["trust", "sigstore", "signing", "policy"],
  "Images and registries": ["registry", "oci", "inspect", "transfer", "provenance", "registry-server"],
  "Builds and runs": ["builds", "cloudbuild", "store"],
  "Settings and failures": ["settings", "errors"],
};

/** A value that the library exports. */
interface Exported {
  readonly room: string;
  readonly name: string;
  readonly declaration: ts.Node;
}

/** A table for each subject, of all values that `src/index.ts` exports. */
export function libraryTables(): string {
  const exported = exportedValues();
  const told = new Set(Object.values(subjects).flat());
  const untold = exported.filter(({ room }) => !told.has(room)).map(({ name }) => name);
  if (untold.length > 0) throw new Error(`no subject of the library has ${untold.join(", ")}`);
  return Object.entries(subjects)
    .map(([subject, rooms]) => {
      const rows = rooms
        .flatMap((room) => exported.filter((each) => each.room === room))
        .map(({ name, declaration }) => [
          code(`${name}${parametersOf(declaration)}`),
          firstSentence(commentOf(declaration)),
        ]);
      return `### ${subject}\n\n${table(["name", "what it does"], rows)}`;
    })
    .join("\n\n");
}

/** The values of the library, with the room that each is exported by. */
export function exportedValues(): readonly Exported[] {
  return exportsOf(parsed("src/index.ts")).map(({ name = "*", from }) => {
    const declaration = declarationOf(name, from);
    if (declaration === undefined) throw new Error(`${from} does not export ${name}`);
    return { room: from.split("/")[1] ?? "", name, declaration };
  });
}

/** What a file exports by its name, or as a whole where it has none, and the file that it comes from. */
interface Export {
  readonly name: string | undefined;
  readonly from: string;
}

function exportsOf(file: ts.SourceFile): readonly Export[] {
  return file.statements.flatMap((statement): readonly Export[] => {
    if (!ts.isExportDeclaration(statement) || statement.isTypeOnly) return [];
    const { exportClause: clause, moduleSpecifier: specifier } = statement;
    if (specifier === undefined || !ts.isStringLiteral(specifier)) return [];
    const from = join(dirname(file.fileName), specifier.text);
    if (clause === undefined) return [{ name: undefined, from }];
    if (!ts.isNamedExports(clause)) return [];
    return clause.elements.filter((one) => !one.isTypeOnly).map((one) => ({ name: one.name.text, from }));
  });
}

/** Where a value is declared, be it behind the door of a room. */
function declarationOf(name: string, path: string): ts.Node | undefined {
  const file = parsed(path);
  for (const statement of file.statements) {
    if (ts.isVariableStatement(statement)) {
      const isIt = statement.declarationList.declarations.some((one) => one.name.getText() === name);
      if (isIt) return statement;
    } else if (ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement)) {
      if (statement.name?.text === name) return statement;
    }
  }
  for (const next of exportsOf(file)) {
    const found = next.name === undefined || next.name === name ? declarationOf(name, next.from) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The parameters of a function, as a reader needs them: what has no type of its own is for tests. */
function parametersOf(declaration: ts.Node): string {
  if (!ts.isFunctionDeclaration(declaration)) return "";
  const names = declaration.parameters
    .filter(({ type }) => type !== undefined)
    .map((parameter) => {
      const isOptional = parameter.questionToken !== undefined || parameter.initializer !== undefined;
      return `${nameOf(parameter)}${isOptional ? "?" : ""}`;
    });
  return `(${names.join(", ")})`;
}

/** What is taken apart at once is called by its type. */
function nameOf({ name, type }: ts.ParameterDeclaration): string {
  if (ts.isIdentifier(name)) return name.text;
  const reference = type !== undefined && ts.isTypeReferenceNode(type) ? type : undefined;
  const [inner] = reference?.typeArguments ?? [];
  const text = (inner ?? reference?.typeName)?.getText() ?? "options";
  if (text.endsWith("Options")) return "options";
  return `${text.charAt(0).toLowerCase()}${text.slice(1)}`;
}
