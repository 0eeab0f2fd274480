import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type * as Library from "../src/index.ts";
import { builtPackage } from "./support/built.ts";
import { startScriptedServer } from "./support/scripted-server.ts";

const root = resolve(import.meta.dirname, "..");
const door = join(root, "src", "index.ts");
const inside = join(root, "src", "internal.ts");
const program = ts.createProgram([door, inside], {
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

/** What a file exports, each followed to where it is declared. */
function exportedSymbols(path: string): ts.Symbol[] {
  return exportsOf(path).map(followed);
}

/** The values that a file exports: what is there when a program runs. */
function exportedValues(path: string): string[] {
  return exportsOf(path)
    .filter((symbol) => followed(symbol).flags & ts.SymbolFlags.Value)
    .filter(({ declarations: [specifier] = [] }) => {
      return specifier === undefined || !ts.isTypeOnlyExportDeclaration(specifier);
    })
    .map(({ name }) => name);
}

function exportsOf(path: string): ts.Symbol[] {
  const file = program.getSourceFile(path);
  const symbol = file === undefined ? undefined : checker.getSymbolAtLocation(file);
  if (symbol === undefined) throw new Error(`${path} could not be read`);
  return checker.getExportsOfModule(symbol);
}

function followed(symbol: ts.Symbol): ts.Symbol {
  return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
}

/** Types of our own that the declaration of a symbol names or extends, without the bodies of functions. */
function namedTypes(symbol: ts.Symbol): ts.Symbol[] {
  const found: ts.Symbol[] = [];
  const add = (name: ts.Node): void => {
    const named = checker.getSymbolAtLocation(name);
    if (named !== undefined) found.push(followed(named));
  };
  const visit = (node: ts.Node): void => {
    if (ts.isBlock(node) || (ts.canHaveModifiers(node) && isPrivate(node))) return;
    if (ts.isTypeReferenceNode(node)) add(node.typeName);
    if (ts.isExpressionWithTypeArguments(node)) add(node.expression);
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

function withoutWords(symbols: readonly ts.Symbol[]): string[] {
  const silent = symbols.filter((symbol) => symbol.getDocumentationComment(checker).length === 0);
  return silent.map(({ name }) => name).sort();
}

describe("the library", () => {
  const symbols = exportedSymbols(door);

  it("fits in a head", () => {
    const { length } = exportedValues(door);
    expect(length).toBeGreaterThanOrEqual(40);
    expect(length).toBeLessThanOrEqual(75);
  });

  it("says of everything it exports what it is", () => {
    expect(withoutWords(symbols)).toEqual([]);
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

  it("is a part of what the house exports", () => {
    const all = new Set(exportedSymbols(inside));
    expect(symbols.filter((symbol) => !all.has(symbol)).map(({ name }) => name)).toEqual([]);
    expect(withoutWords([...all])).toEqual([]);
  });
});

describe("a failure of the library", () => {
  let folder: string;
  const copies: (typeof Library)[] = [];

  beforeAll(async () => {
    // Below the project, so that each copy finds the packages that it imports.
    await mkdir(join(root, ".cache"), { recursive: true });
    folder = await mkdtemp(join(root, ".cache", "copies-"));
    for (const name of ["one", "other"]) {
      const copy = join(folder, name);
      await cp(builtPackage(), copy, { recursive: true });
      copies.push(await import(pathToFileURL(join(copy, "index.js")).href));
    }
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("is known to another copy of the package", () => {
    const [one, other] = copies;
    const failure = caught(() => one?.parseDigest("sha256:short"));
    expect(failure).toBeInstanceOf(one?.WaybillError);
    expect(failure).not.toBeInstanceOf(other?.WaybillError);
    expect(other?.isWaybillError(failure)).toBe(true);
    expect(other?.isWaybillError(new Error("of somebody else"))).toBe(false);
  });

  it("says in fields what was answered", async () => {
    const server = await startScriptedServer((_, response) => {
      response.writeHead(403, { "x-request-id": "r-17" }).end();
    });
    const [library] = copies;
    const registries = library?.openRegistries({ environment: {} });
    try {
      const { repository, tag } = library?.parseReference(`${server.host}/team/app:v1`) ?? {};
      const asked = repository && tag && registries?.repository(repository).resolve(tag);
      const failure = await asked?.catch((thrown: unknown) => thrown);
      expect(library?.isWaybillError(failure)).toBe(true);
      expect(failure).toMatchObject({ status: 403, requestId: "r-17", registry: server.host });
    } finally {
      await registries?.close();
      await server.close();
    }
  });
});

function caught(work: () => unknown): unknown {
  try {
    work();
  } catch (thrown) {
    return thrown;
  }
  return undefined;
}
