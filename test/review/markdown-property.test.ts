import fc from "fast-check";
import { expect, test } from "vitest";
import { parseRepository } from "../../src/oci/index.ts";
import { formatReviewMarkdown, type Review } from "../../src/review/index.ts";
import { digestFor } from "../promotion/world.ts";

const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc
    .array(
      fc.constantFrom(
        ...[
          "@all",
          "`",
          "```",
          "|",
          "\\",
          "\n",
          "\r",
          "\n\n",
          "<!--",
          "-->",
          "</details>",
          "<b>",
          "[x](y)",
          "![",
          "](",
        ],
        ...[
          "#1",
          "/approve",
          "\u202e",
          "\u2028",
          "\u001b[1m",
          "http://x.example",
          "www.x.example",
          "&#64;",
          "~~~",
          " ",
          "a",
        ],
      ),
      { maxLength: 12 },
    )
    .map((parts) => parts.join("")),
);
const maybe = fc.option(text, { nil: undefined });

/** A review in which everything that may come from outside is anything. */
const reviews = fc
  .record({
    path: text,
    prefix: text,
    names: fc.array(text, { minLength: 8, maxLength: 8 }),
    hint: maybe,
    from: maybe,
  })
  .map(({ path, prefix, names, hint, from }): Review => {
    const [message = "", file = "", project = "", image = "", tag = "", label = "", type = "", person = ""] =
      names;
    const at = { line: 1, column: 1 };
    const found = { code: "lost", message, file, at, related: [{ file, at, message }] } as const;
    const finding = { ...found, ...(hint === undefined ? {} : { hint }) };
    const difference = {
      layers: {
        added: { count: 1, bytes: 1 },
        removed: { count: 0, bytes: 0 },
        shared: { count: 2, bytes: 2000 },
      },
      platforms: { added: [label], missing: [type] },
      labels: [{ name: "source" as const, before: label, after: type }],
    };
    const place = { file, line: 3, column: 5 };
    const facts = {
      image: {
        ...{ mediaType: type, artifactType: type, created: label, size: 1, platforms: [label], layers: 1 },
        ...{ labels: { version: label, revision: type, source: label }, isPartial: true },
      },
      previous: { tag: tag as never, digest: digestFor("one"), at: place, difference },
      attached: { signature: true, attestation: true, sbom: true, referrers: [type] },
      provenance: { builder: label, source: type, commit: label },
    };
    const line = {
      ...{ kind: "added" as const, image, tag: tag as never, digest: digestFor("one"), at: place, facts },
      ...{ source: parseRepository("s.example/a"), destinations: [label as never, type as never] },
      verdicts: { copy: 2 },
    };
    const owners = { approvers: [person, label], reviewers: [type] };
    return {
      ...{ format: "waybill-review/2", path, prefix, verdict: "fails" },
      ...{ offline: false, interrupted: false, allowRemovals: false },
      base: { commit: label, revision: type, ...(from === undefined ? {} : { from }) },
      ...{
        head: { commit: type },
        edgesHash: label,
        edges: { added: 1, removed: 1, moved: 1, "source-changed": 1, unchanged: 1 },
      },
      findings: [
        { ...finding, severity: "fails" },
        { ...finding, severity: "mentions", isOld: true },
      ],
      projects: [
        {
          ...{ project, files: [{ file, owners }], lines: [line], removedDestinations: [label] },
          newDestinations: [{ name: type, at: place, edges: 1 }],
        },
        { ...{ project, files: [{ file }], lines: [], newDestinations: [], removedDestinations: [] } },
      ],
      ...{ passedOver: [project], rewritten: [file], outside: { errors: 1, warnings: 2 } },
    };
  });

const ownMarks = /<details>|<\/details>|<summary>\d+ destinations?<\/summary>/g;

test("a comment has nothing from outside but in code, whatever a review holds", () => {
  fc.assert(
    fc.property(reviews, (review) => {
      const [marker = "", ...lines] = formatReviewMarkdown(review).split("\n");
      expect(marker).toBe("<!-- waybill-review plan=none edges=none commit=none -->");
      for (const line of lines) {
        const parts = line.split("`");
        expect(parts.length % 2).toBe(1);
        const outside = parts.filter((_, at) => at % 2 === 0).join("");
        expect(outside.replace(ownMarks, "")).toMatch(/^[A-Za-z0-9 .,;:()|*#'-]*$/);
        expect(outside).not.toMatch(/#[0-9A-Za-z]|\w:\/\/|www\./);
        // Outside of a table, a bar is nobody's; in one, it ends a cell.
        if (outside.includes("|")) expect(outside.match(/\|/g)).toHaveLength(8);
        expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
      }
    }),
    { numRuns: 500 },
  );
});
