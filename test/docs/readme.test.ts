import { join } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { faultsOf } from "./command-line.ts";
import { blocksOf, root, textOf } from "./pages.ts";

/** The first block of a language on the first page. */
function firstBlock(language: string): string {
  return blocksOf("README.md").find((block) => block.language === language)?.text ?? "";
}

describe("README.md", () => {
  it("begins with two commands for a shell", () => {
    expect(firstBlock("sh")).toBe("npm ci && npm run demo\nnpm test\n");
  });

  it("shows a session whose lines the program takes", async () => {
    const [, described = ""] = /<desc>(.*?)<\/desc>/s.exec(textOf("docs/images/session.svg")) ?? [];
    const lines = described.split("\n").map((line) => line.slice(line.indexOf("waybill ")));
    expect(lines).toHaveLength(15);
    const faults = await Promise.all(lines.map((line) => faultsOf(line)));
    expect(faults.flat()).toEqual([]);
  });

  it("shows a program that the type checker passes", () => {
    const example = firstBlock("ts");
    const file = join(root, "test", "docs", "readme-example.ts");
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
