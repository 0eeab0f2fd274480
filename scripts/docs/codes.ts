import ts from "typescript";
import { variantsCodes } from "../../src/builds/index.ts";
import { cloudBuildCodes } from "../../src/cloudbuild/index.ts";
import type { DiagnosticCodes } from "../../src/diagnostics/index.ts";
import { jobCodes } from "../../src/jobs/index.ts";
import { diagnosticCodes } from "../../src/manifest/index.ts";
import { ownersCodes } from "../../src/owners/index.ts";
import { policyCodes } from "../../src/policy/index.ts";
import { reviewCodes } from "../../src/review/index.ts";
import { settingsCodes } from "../../src/settings/index.ts";
import { commentOf, firstSentence, sourceFiles } from "./sources.ts";
import { code, table, withoutStop } from "./table.ts";

/** Codes of findings by the files that they are about; those of manifests have a page of their own. */
const fileCodes: Readonly<Record<string, DiagnosticCodes>> = {
  "`waybill.yaml`": settingsCodes,
  "`variants.yaml`": variantsCodes,
  jobs: jobCodes,
  "`policy.yaml`": policyCodes,
  "`OWNERS`, `CODEOWNERS`": ownersCodes,
  "Cloud Build": cloudBuildCodes,
  "a review": Object.fromEntries(Object.entries(reviewCodes).filter(([name]) => !(name in diagnosticCodes))),
};

export function fileCodesTables(): string {
  const rowsBy = new Map<string, { readonly cells: readonly string[]; readonly kinds: string[] }>();
  for (const [kind, codes] of Object.entries(fileCodes)) {
    for (const [name, { severity, summary }] of Object.entries(codes)) {
      const cells = [code(name), severity, withoutStop(summary)];
      const known = rowsBy.get(cells.join("\n"));
      if (known === undefined) rowsBy.set(cells.join("\n"), { cells, kinds: [kind] });
      else known.kinds.push(kind);
    }
  }
  const files = Object.keys(fileCodes).length - 1;
  const rows = [...rowsBy.values()].map(({ cells: [name = "", ...cells], kinds }) => [
    name,
    kinds.length === files ? "all files" : kinds.join(", "),
    ...cells,
  ]);
  return table(["code", "of", "severity", "what it says"], rows);
}

/** What `waybill check` finds in promoter manifests. */
export function manifestCodesTable(): string {
  return table(
    ["code", "severity", "what it says"],
    Object.entries(diagnosticCodes).map(([name, { severity, summary }]) => [
      code(name),
      severity,
      withoutStop(summary),
    ]),
  );
}

/** The errors that the library throws, and reports have, with all codes of each. */
export function errorCodesTable(): string {
  const files = sourceFiles();
  const aliases = new Map<string, ts.TypeAliasDeclaration>();
  const plain = new Set<string>();
  const classes: ts.ClassDeclaration[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isTypeAliasDeclaration(node)) aliases.set(node.name.text, node);
    else if (ts.isClassDeclaration(node)) classes.push(node);
    else if (ts.isNewExpression(node) && node.expression.getText() === "WaybillError") {
      const [first] = node.arguments ?? [];
      if (first !== undefined && ts.isStringLiteral(first)) plain.add(first.text);
    }
    ts.forEachChild(node, visit);
  };
  for (const file of files) visit(file);
  const literalsOf = (type: ts.TypeNode): readonly string[] => {
    if (ts.isUnionTypeNode(type)) return type.types.flatMap(literalsOf);
    if (ts.isLiteralTypeNode(type) && ts.isStringLiteral(type.literal)) return [type.literal.text];
    const alias = ts.isTypeReferenceNode(type) ? aliases.get(type.typeName.getText()) : undefined;
    return alias === undefined ? [] : literalsOf(alias.type);
  };
  const rows = classes.flatMap((declaration) => {
    const [base] = declaration.heritageClauses?.flatMap(({ types }) => types) ?? [];
    const [type] = base?.expression.getText() === "WaybillError" ? (base.typeArguments ?? []) : [];
    const codes = type === undefined ? [] : literalsOf(type);
    if (codes.length === 0) return [];
    return [[declaration.name?.text ?? "", firstSentence(commentOf(declaration)), codes] as const];
  });
  const others = ["WaybillError", "What is said of no room in particular", [...plain].toSorted()] as const;
  return table(
    ["error", "what it says", "codes"],
    [...rows.toSorted(([one], [other]) => (one < other ? -1 : 1)), others].map(([name, text, codes]) => [
      code(name),
      text,
      codes.map(code).join(" "),
    ]),
  );
}
