import { describe, expect, it } from "vitest";
import { printCauses } from "../../src/cli/causes.ts";
import { formatTable, shortened } from "../../src/cli/table.ts";
import { createTerminal } from "../../src/cli/terminal.ts";

const digest = `sha256:${"0123456789abcdef".repeat(4)}`;
const rows = [
  [
    "copy",
    `us-central1-docker.pkg.dev/k8s-artifacts-prod/images/kube-apiserver@${digest}`,
    "images.yaml:12:3",
  ],
  ["tag", "eu.gcr.io/pause:3.9", "registry.k8s.io/images/k8s-staging-kubernetes/images.yaml:1204:9"],
];
const head = ["ACTION", "WHAT", "ASKED FOR AT"];

const widest = (text: string): number => Math.max(...text.split("\n").map((line) => line.length));

describe("a table", () => {
  it.each([60, 80, 120])(
    "fits a terminal of %i columns: the widest texts lose their middle",
    async (width) => {
      const table = formatTable(head, rows, width);
      expect(widest(table)).toBeLessThanOrEqual(width);
      expect(table.split("\n")).toHaveLength(3);
      expect(table).toMatch(/^copy {4}us-.*…/m);
      expect(table).toContain("copy");
    },
  );

  it("is whole where it goes to no terminal", async () => {
    const table = formatTable(head, rows);
    for (const cell of rows.flat()) expect(table).toContain(cell);
    expect(table).not.toContain("…");
  });

  it("is as narrow as it can be, and legible, on a terminal that is too narrow", async () => {
    const table = formatTable(head, rows, 20);
    expect(table).toContain("…");
    expect(table).toContain("ACTION");
  });

  it("leaves colors whole", async () => {
    const red = "\u001b[31mFAILURE\u001b[39m";
    expect(formatTable(["STATE", "JOB"], [[red, "x".repeat(100)]], 40)).toContain(red);
  });
});

it.each([
  ["abcdefghij", 5, "ab…ij"],
  ["abcdefghij", 10, "abcdefghij"],
  ["abcdefghij", undefined, "abcdefghij"],
])("%s in %s columns is %s", (text, width, expected) => {
  expect(shortened(text, width)).toBe(expected);
});

it("places of a cause have a line each on a terminal, and what to do is whole", () => {
  let text = "";
  const stdout = { write: (more: string | Uint8Array) => (text += more), isTTY: true, columns: 80 };
  const terminal = createTerminal({ stdout, stderr: { write: () => true }, env: {} }, { color: false });
  const place = { what: `host/${"p".repeat(90)}:v1`, others: 0 };
  const hint = `look: waybill check ${"t".repeat(90)}`;
  printCauses(
    terminal,
    [{ state: "unread", message: "no answer", hint, count: 2, places: [place, place], more: 0 }],
    "edge",
  );
  const lines = text.split("\n");
  expect(lines.filter((line) => line.includes("…")).map((line) => line.length)).toEqual([80, 80]);
  expect(text).toContain(hint);
});
