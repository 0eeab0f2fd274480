import { join, resolve } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "..");
const door = join(root, "src", "index.ts");
const program = ts.createProgram([door], {
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  target: ts.ScriptTarget.ES2022,
  allowImportingTsExtensions: true,
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  types: ["node"],
});
const checker = program.getTypeChecker();

/** What the library exports, each followed to where it is declared. */
function exportedSymbols(): ts.Symbol[] {
  const file = program.getSourceFile(door);
  const symbol = file === undefined ? undefined : checker.getSymbolAtLocation(file);
  if (symbol === undefined) throw new Error(`${door} could not be read`);
  return checker
    .getExportsOfModule(symbol)
    .map((found) => (found.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(found) : found));
}

/** Types of our own that the declaration of a symbol names, without the bodies of functions. */
function namedTypes(symbol: ts.Symbol): ts.Symbol[] {
  const found: ts.Symbol[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isBlock(node) || (ts.canHaveModifiers(node) && isPrivate(node))) return;
    if (ts.isTypeReferenceNode(node)) {
      const named = checker.getSymbolAtLocation(node.typeName);
      if (named !== undefined)
        found.push(named.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(named) : named);
    }
    ts.forEachChild(node, visit);
  };
  for (const declaration of symbol.declarations ?? []) {
    if (ts.isVariableDeclaration(declaration)) {
      if (declaration.type !== undefined) visit(declaration.type);
    } else visit(declaration);
  }
  return found.filter(({ flags, declarations }) => {
    const source = declarations?.[0]?.getSourceFile().fileName ?? "";
    return !(flags & ts.SymbolFlags.TypeParameter) && source.startsWith(join(root, "src"));
  });
}

function isPrivate(node: ts.HasModifiers): boolean {
  return ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword) ?? false;
}

describe("the library", () => {
  const symbols = exportedSymbols();

  it("says of everything it exports what it is", () => {
    const silent = symbols.filter((symbol) => symbol.getDocumentationComment(checker).length === 0);
    expect(silent.map(({ name }) => name).sort()).toEqual([]);
    expect(symbols.length).toBeGreaterThan(50);
  });

  it("exports every type that its exports name", () => {
    const known = new Set(symbols);
    const missing = symbols.flatMap((symbol) =>
      namedTypes(symbol)
        .filter((named) => !known.has(named))
        .map((named) => `${named.name}, which ${symbol.name} names`),
    );
    expect([...new Set(missing)].sort()).toEqual([]);
  });
});
