import { existsSync, readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { buildProgram } from "../src/cli/program.ts";

const root = resolve(import.meta.dirname, "..");
const folders = ["docs", "docs/decisions"];
const pages = [
  ...["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"],
  ...(
    await Promise.all(
      folders.map(async (folder) => (await readdir(join(root, folder))).map((name) => join(folder, name))),
    )
  )
    .flat()
    .filter((path) => path.endsWith(".md")),
];
const textOf = (page: string): string => readFileSync(join(root, page), "utf8");
const blocksOf = (page: string, language: string): string[] =>
  Array.from(
    textOf(page).matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, "gms")),
    ([, text]) => text ?? "",
  );

describe.each(pages)("%s", (page) => {
  it("links to pages that are there", () => {
    const links = Array.from(textOf(page).matchAll(/\]\((?!https?:|#)([^)#\s]+)/g), ([, link]) => link ?? "");
    expect(links.filter((link) => !existsSync(resolve(root, dirname(page), link)))).toEqual([]);
  });

  it("shows command lines that the command line has", () => {
    const program = buildProgram(
      { stdout: process.stdout, stderr: process.stderr, env: {} },
      () => async () => {},
    );
    const common = [...program.options.map(({ long }) => long), "--help"];
    const lines = [...blocksOf(page, "sh"), ...blocksOf(page, "console")].join("\n").replaceAll("\\\n", " ");
    const shown = Array.from(lines.matchAll(/^(?:\$ )?waybill ([a-z][a-z-]*)([^|>#\n]*)/gm));
    const wrong = shown.filter(([, verb, rest = ""]) => {
      const command = program.commands.find((found) => found.name() === verb);
      if (command === undefined) return true;
      const options = [command, ...command.commands].flatMap(({ options }) => options);
      const flags = [...common, ...options.map(({ long }) => long)];
      return (
        verb !== "kpromo" && (rest.match(/(?<=\s)--[\w-]+/g) ?? []).some((flag) => !flags.includes(flag))
      );
    });
    expect(wrong).toEqual([]);
  });
});

describe("README.md", () => {
  it("begins with two commands for a shell", () => {
    expect(blocksOf("README.md", "sh")[0]).toBe("npm ci && npm run demo\nnpm test\n");
  });

  it("shows a program that the type checker passes", () => {
    const [example = ""] = blocksOf("README.md", "ts");
    const file = join(root, "test", "readme-example.ts");
    const options: ts.CompilerOptions = {
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      target: ts.ScriptTarget.ES2022,
      allowImportingTsExtensions: true,
      paths: { waybill: [join(root, "src", "index.ts")] },
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      types: ["node"],
    };
    const host = ts.createCompilerHost(options);
    const { getSourceFile, fileExists } = host;
    host.fileExists = (path) => path === file || fileExists(path);
    host.getSourceFile = (path, ...rest) =>
      path === file
        ? ts.createSourceFile(path, example, ts.ScriptTarget.ES2022)
        : getSourceFile(path, ...rest);
    const program = ts.createProgram([file], options, host);
    const found = ts.getPreEmitDiagnostics(program, program.getSourceFile(file));
    expect(found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"))).toEqual([]);
  });
});
