import { parseSync, transformSync } from "rolldown/utils";
import type { Rolldown } from "tsdown";

/** Modules of Node's own that it has loaded before any program begins. */
const loadedAnyway: ReadonlySet<string> = new Set(
  ["buffer", "events", "fs", "path", "process", "timers", "url"].map((name) => `node:${name}`),
);

/**
 * A plugin of the bundler by which a module of Node's own is loaded when something of it is first used. Imported by name it would
 * be loaded with all that might use it, and so would all that it exports; `node:tls` alone takes as long as Node's own start.
 */
export const builtinsOnUse: Rolldown.Plugin = {
  name: "builtins-on-use",
  transform: {
    filter: {
      id: { include: [/\/src\/.*\.ts$/, /\/commander\/.*\.js$/], exclude: /\.d\.ts$/ },
      code: /node:/,
    },
    handler(code, id) {
      const imports = id.endsWith(".ts") ? importsOf(code, id) : requiresOf(code);
      const kept: string[] = [];
      const define: Record<string, string> = {};
      for (const { module, local, exported } of imports.flatMap(({ names }) => names)) {
        const builtin = `globalThis.process.getBuiltinModule("${module}")`;
        const value = exported === undefined ? builtin : `${builtin}.${exported}`;
        if (local === "process") define.process = "globalThis.process";
        else if (loadedAnyway.has(module)) kept.push(`const ${local} = ${value};`);
        else define[local] = value;
      }
      const without = imports.reduceRight(
        (text, { start, end }, at) =>
          text.slice(0, start) + (at === 0 ? kept.join("") : "") + text.slice(end),
        code,
      );
      const { code: made, errors } = transformSync(id, without, { define });
      if (errors.length > 0) throw new Error(`${id}: ${errors.map(({ message }) => message).join("; ")}`);
      return { code: made, moduleType: "js" };
    },
  },
};

/** A statement that imports, and the names that it makes; without `exported` the module as a whole. */
interface Import {
  readonly start: number;
  readonly end: number;
  readonly names: readonly {
    readonly module: string;
    readonly local: string;
    readonly exported?: string | undefined;
  }[];
}

function importsOf(code: string, id: string): Import[] {
  return parseSync(id, code).program.body.flatMap((statement) => {
    if (statement.type !== "ImportDeclaration" || statement.importKind === "type") return [];
    const { start, end, source, specifiers } = statement;
    if (!source.value.startsWith("node:")) return [];
    const names = specifiers.flatMap((specifier) => {
      const place = { module: source.value, local: specifier.local.name };
      if (specifier.type !== "ImportSpecifier") return [place];
      const { imported, importKind } = specifier;
      return importKind === "type" || imported.type !== "Identifier"
        ? []
        : [{ ...place, exported: imported.name }];
    });
    return [{ start, end, names }];
  });
}

function requiresOf(code: string): Import[] {
  const requires = code.matchAll(/^const (\w+) = require\('(node:[\w/]+)'\)(?:\.(\w+))?;$/gm);
  return [...requires].map(({ 0: text, 1: local = "", 2: module = "", 3: exported, index }) => ({
    start: index,
    end: index + text.length,
    names: [{ module, local, exported }],
  }));
}
