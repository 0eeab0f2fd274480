import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "..");
const source = join(root, "src");

/** An import as it stands in a file: what it points at, when it is loaded, and what it takes. */
interface Import {
  readonly from: string;
  readonly line: number;
  readonly target: string;
  readonly kind: "static" | "lazy" | "type";
  /** `undefined` when it takes the whole module, so that nobody can tell what it uses. */
  readonly names: readonly string[] | undefined;
}

function filesBelow(folder: string, extension: RegExp): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => extension.test(path))
    .map((path) => join(folder, path))
    .sort();
}

/** The floors as the page states them: rows of the table such as "| 4 | `promotion/` | … |". */
function floorsOf(page: string): Map<string, number> {
  const rows = page.matchAll(/^\|\s*(\d+)\s*\|\s*`([\w-]+)\/`\s*\|/gm);
  return new Map(Array.from(rows, ([, floor, room]) => [String(room), Number(floor)]));
}

function importsOf(file: string): Import[] {
  const text = readFileSync(file, "utf8");
  const tree = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true);
  const found: Import[] = [];
  const add = (
    node: ts.Node,
    specifier: ts.Expression | undefined,
    kind: Import["kind"],
    names?: readonly string[],
  ) => {
    const line = tree.getLineAndCharacterOfPosition(node.getStart()).line + 1;
    const target = specifier !== undefined && ts.isStringLiteral(specifier) ? specifier.text : "?";
    found.push({ from: relative(source, file), line, target, kind, names });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      const bindings = node.importClause?.namedBindings;
      const names =
        bindings !== undefined && ts.isNamedImports(bindings)
          ? bindings.elements.map((element) => (element.propertyName ?? element.name).text)
          : undefined;
      const onlyTypes = node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
      add(node, node.moduleSpecifier, onlyTypes ? "type" : "static", names);
    } else if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined) {
      const names =
        node.exportClause !== undefined && ts.isNamedExports(node.exportClause)
          ? node.exportClause.elements.map((element) => (element.propertyName ?? element.name).text)
          : undefined;
      add(node, node.moduleSpecifier, node.isTypeOnly ? "type" : "static", names);
    } else if (ts.isImportTypeNode(node)) {
      const literal = ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined;
      const name = node.qualifier?.getText();
      add(node, literal as ts.Expression | undefined, "type", name === undefined ? undefined : [name]);
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node, node.arguments[0], "lazy", destructuredFrom(node));
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}

/** The names that `const { a, b } = await import("…")` takes; `undefined` for every other form. */
function destructuredFrom(call: ts.CallExpression): string[] | undefined {
  const declaration = ts.isAwaitExpression(call.parent) ? call.parent.parent : call.parent;
  if (!ts.isVariableDeclaration(declaration) || !ts.isObjectBindingPattern(declaration.name))
    return undefined;
  return declaration.name.elements.map((element) => (element.propertyName ?? element.name).getText());
}

/** The room a file of `src/` is in, or `undefined` for `src/index.ts` and `src/internal.ts`, which are above all of them. */
function roomOf(path: string): string | undefined {
  const [room, ...rest] = path.split(sep);
  return rest.length === 0 ? undefined : room;
}

/** The executables know the version of the package they come in. */
function isManifestOfPackage(from: string, target: string): boolean {
  return resolve(source, dirname(from), target) === join(root, "package.json");
}

/** What `src/internal.ts` exports, values and types, by following its exports through the doors. */
function internalNames(): Set<string> {
  const options: ts.CompilerOptions = {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    allowImportingTsExtensions: true,
    noEmit: true,
    skipLibCheck: true,
    noLib: true,
    types: [],
  };
  const program = ts.createProgram([join(source, "internal.ts")], options);
  const checker = program.getTypeChecker();
  const door = program.getSourceFile(join(source, "internal.ts"));
  const symbol = door === undefined ? undefined : checker.getSymbolAtLocation(door);
  return new Set(symbol === undefined ? [] : checker.getExportsOfModule(symbol).map((found) => found.name));
}

const floors = floorsOf(readFileSync(join(root, "ARCHITECTURE.md"), "utf8"));
const imports = filesBelow(source, /\.tsx?$/).flatMap(importsOf);
const inHouse = imports
  .filter(({ from, target }) => target.startsWith(".") && !isManifestOfPackage(from, target))
  .map((found) => {
    const path = relative(source, resolve(source, dirname(found.from), found.target));
    return { ...found, path, fromRoom: roomOf(found.from), toRoom: roomOf(path) };
  });
const between = inHouse.filter(({ fromRoom, toRoom }) => fromRoom !== toRoom);
const say = ({ from, line, target }: Import) => `src/${from}:${line} imports ${target}`;

describe("the rooms of ARCHITECTURE.md", () => {
  it("has a floor for every folder of src/", () => {
    const folders = readdirSync(source, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(folders.map((entry) => entry.name).filter((name) => !floors.has(name))).toEqual([]);
    expect(floors.size).toBeGreaterThan(10);
  });

  it("imports only from lower floors", () => {
    const upward = between.filter(({ fromRoom, toRoom }) => {
      if (fromRoom === undefined) return toRoom === "cli" || toRoom === "bin";
      if (toRoom === undefined) return true;
      return (floors.get(fromRoom) ?? 0) <= (floors.get(toRoom) ?? Number.POSITIVE_INFINITY);
    });
    expect(upward.map(say)).toEqual([]);
  });

  it("enters rooms by their doors only", () => {
    // `bin/` has one file per executable and `cli/` one entrance for them.
    const doors = (path: string, room: string | undefined) =>
      path === join(room ?? "", "index.ts") || path === join("cli", "main.ts");
    expect(between.filter(({ path, toRoom }) => !doors(path, toRoom)).map(say)).toEqual([]);
  });

  it("writes import paths with their extension, and none that cannot be read off", () => {
    const odd = imports.filter(
      ({ target }) => target === "?" || (target.startsWith(".") && !/\.(tsx?|json)$/.test(target)),
    );
    expect(odd.map(say)).toEqual([]);
  });
});

describe("the command line", () => {
  const fromCommandLine = between.filter(
    ({ fromRoom, toRoom }) => (fromRoom === "cli" || fromRoom === "bin") && toRoom !== "cli",
  );

  it("uses nothing but what src/internal.ts exports", () => {
    const internal = internalNames();
    const hidden = fromCommandLine.flatMap((found) =>
      (found.names ?? ["the whole module"])
        .filter((name) => !internal.has(name))
        .map((name) => `${say(found)} for ${name}`),
    );
    expect(hidden).toEqual([]);
    expect(internal.size).toBeGreaterThan(20);
  });

  it("loads the rooms above the lowest floor only when a command needs them", () => {
    const eager = fromCommandLine.filter(
      ({ kind, toRoom }) => kind === "static" && floors.get(toRoom ?? "") !== 0,
    );
    expect(eager.map(say)).toEqual([]);
  });
});

describe("folders", () => {
  it("are made with those above them by one function, which ends where Node's own does not", () => {
    const files = filesBelow(source, /\.tsx?$/).filter((file) => roomOf(relative(source, file)) !== "disk");
    const makes = /\bmkdir(?:Sync)?\([^;{]*\{[^}]*\brecursive\b/;
    const making = files.filter((file) => makes.test(readFileSync(file, "utf8")));
    expect(making.map((file) => relative(source, file))).toEqual([]);
    expect(files.length).toBeGreaterThan(20);
  });
});

describe("the texts of the project", () => {
  it("name no path of the machine they were written on", () => {
    const skipped = new Set(["node_modules", "dist", "coverage", ".cache", ".git"]);
    const folders = readdirSync(root, { withFileTypes: true }).filter(({ name }) => !skipped.has(name));
    const files = folders.flatMap((entry) =>
      entry.isDirectory()
        ? filesBelow(join(root, entry.name), /\.(ts|mjs|json|md|ya?ml|sh)$|[/\\][\w-]+$/)
        : [join(root, entry.name)],
    );
    const machinePath = /(?:^|[^\w./-])\/(?:work|farm|process_api|root|tmp\/brief)(?:\/|\b)/m;
    // What `deploy/image/prepare.mjs` has put there is not of the project.
    const own = files.filter((file) => !file.startsWith(join(root, "deploy", "image", "app")));
    const texts = own.flatMap((file) => {
      try {
        return [{ file, text: readFileSync(file, "utf8") }];
      } catch (error) {
        if (error instanceof Error && "code" in error && error.code === "EISDIR") return [];
        throw error;
      }
    });
    const named = texts.filter(({ text }) => machinePath.test(text)).map(({ file }) => relative(root, file));
    expect(named).toEqual([]);
    expect(texts.length).toBeGreaterThan(20);
  });
});
