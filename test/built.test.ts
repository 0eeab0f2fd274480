import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { builtPackage } from "./support/built.ts";

const source = resolve(import.meta.dirname, "..", "src");

function scriptsBelow(folder: string, extension: RegExp): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => extension.test(path) && !path.endsWith(".d.ts"))
    .sort();
}

/** What runs in this program: scripts of pages are there for what they do. */
function ours(): string[] {
  return scriptsBelow(source, /\.tsx?$/).filter((path) => !path.startsWith(join("pages", "browser")));
}

function parsed(folder: string, path: string): ts.SourceFile {
  return ts.createSourceFile(path, readFileSync(join(folder, path), "utf8"), ts.ScriptTarget.ES2022, true);
}

/** The files of the package that one of them imports: before it runs, or when it comes to that. */
function importsOf(tree: ts.SourceFile): { before: string[]; later: string[] } {
  const before: string[] = [];
  const later: string[] = [];
  const add = (to: string[], specifier: ts.Node | undefined): void => {
    if (specifier !== undefined && ts.isStringLiteralLike(specifier) && specifier.text.startsWith("."))
      to.push(join(tree.fileName, "..", specifier.text));
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) add(before, node.moduleSpecifier);
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(later, node.arguments[0]);
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return { before, later };
}

describe("the files of the package", () => {
  it("import what is there, and none imports itself by way of others", () => {
    const folder = builtPackage();
    const names = scriptsBelow(folder, /\.js$/);
    const imports = new Map(names.map((name) => [name, importsOf(parsed(folder, name))]));
    const missing = [...imports.values()].flatMap(({ before, later }) =>
      [...before, ...later].filter((name) => !imports.has(name)),
    );
    expect(missing).toEqual([]);
    const circles: string[] = [];
    const done = new Set<string>();
    const follow = (name: string, path: readonly string[]): void => {
      if (path.includes(name)) circles.push([...path.slice(path.indexOf(name)), name].join(" → "));
      if (path.includes(name) || done.has(name)) return;
      for (const next of imports.get(name)?.before ?? []) follow(next, [...path, name]);
      done.add(name);
    };
    for (const name of names) follow(name, []);
    expect(circles).toEqual([]);
  });

  it("lose nothing that a source does by being loaded: none does anything but the programs", () => {
    const doing = ours().filter((path) =>
      parsed(source, path).statements.some(
        (statement) =>
          !ts.isDeclarationStatement(statement) &&
          !ts.isVariableStatement(statement) &&
          !ts.isExportAssignment(statement),
      ),
    );
    expect(doing).toEqual(["bin/cip-mm.ts", "bin/cip.ts", "bin/waybill.ts"]);
    const forTheirDoing = ours().filter((path) =>
      parsed(source, path).statements.some(
        (statement) => ts.isImportDeclaration(statement) && statement.importClause === undefined,
      ),
    );
    expect(forTheirDoing).toEqual([]);
  });
});
