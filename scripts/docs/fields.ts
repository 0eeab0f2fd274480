import ts from "typescript";
import { commentOf, sourceFiles } from "./sources.ts";
import { code, table, withoutStop } from "./table.ts";

/**
 * The fields of a document in JSON, with what is said of each in the type that it is written as. No two exported types have
 * one name; those that it extends come first.
 */
export function fieldsTable([name = ""]: readonly string[]): string {
  const types = new Map<string, ts.InterfaceDeclaration>();
  for (const file of sourceFiles()) {
    for (const statement of file.statements) {
      if (!ts.isInterfaceDeclaration(statement)) continue;
      const known = types.get(statement.name.text);
      if (known === undefined || isExported(statement)) types.set(statement.name.text, statement);
    }
  }
  const rows = fieldsOf(name, types)
    .filter((field) => field.name.getText() !== "format")
    .map((field) => {
      const text = commentOf(field);
      if (text === "") throw new Error(`nothing is said of ${name}.${field.name.getText()}`);
      return [code(field.name.getText()), withoutStop(text)];
    });
  return table(["field", "what it is"], rows);
}

function isExported({
  modifiers = [],
}: {
  readonly modifiers?: Iterable<ts.ModifierLike> | undefined;
}): boolean {
  return [...modifiers].some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
}

function fieldsOf(
  name: string,
  types: ReadonlyMap<string, ts.InterfaceDeclaration>,
): readonly ts.PropertySignature[] {
  const type = types.get(name);
  if (type === undefined) throw new Error(`there is no interface ${name}`);
  const inherited = (type.heritageClauses ?? [])
    .flatMap((clause) => clause.types)
    .flatMap(({ expression, typeArguments: [of, names] = [] }) => {
      if (of === undefined || names === undefined) return fieldsOf(expression.getText(), types);
      const picked = names.getText();
      return fieldsOf(of.getText(), types).filter((field) => picked.includes(`"${field.name.getText()}"`));
    });
  return [...inherited, ...type.members.filter(ts.isPropertySignature)];
}
