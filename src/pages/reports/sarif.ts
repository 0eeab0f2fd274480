import * as z from "zod/mini";

/** Something that a program has found. */
export interface ReportFinding {
  readonly level: string;
  /** `file:line`, where it says so. */
  readonly place: string;
  readonly message: string;
  readonly rule: string;
}

const location = z.object({
  physicalLocation: z.optional(
    z.object({
      artifactLocation: z.optional(z.object({ uri: z.optional(z.string()) })),
      region: z.optional(z.object({ startLine: z.optional(z.number()) })),
    }),
  ),
});

const sarif = z.object({
  runs: z.array(
    z.object({
      results: z.optional(
        z.array(
          z.object({
            level: z.optional(z.string()),
            ruleId: z.optional(z.string()),
            message: z.optional(z.object({ text: z.optional(z.string()) })),
            locations: z.optional(z.array(location)),
          }),
        ),
      ),
    }),
  ),
});

/** What a SARIF 2.1.0 file has found; `undefined` of what is none. */
export function findingsIn(text: string): readonly ReportFinding[] | undefined {
  if (!/^\s*\{/.test(text) || !text.includes('"runs"') || !/sarif/i.test(text)) return undefined;
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return undefined;
  }
  const parsed = sarif.safeParse(document);
  if (!parsed.success) return undefined;
  return parsed.data.runs.flatMap(({ results = [] }) =>
    results.map(({ level = "warning", ruleId = "", message, locations = [] }) => {
      const place = locations[0]?.physicalLocation;
      const line = place?.region?.startLine;
      const uri = place?.artifactLocation?.uri ?? "";
      return {
        level,
        rule: ruleId,
        message: message?.text ?? "",
        place: line === undefined ? uri : `${uri}:${line}`,
      };
    }),
  );
}
