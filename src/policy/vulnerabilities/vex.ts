import * as z from "zod/mini";
import type { Digest } from "../../oci/index.ts";
import { meansPackage, packageUrl } from "./package-url.ts";
import type { Vulnerability } from "./report.ts";

/** What somebody who knows a product says of one vulnerability in it (OpenVEX, CycloneDX). */
export interface VexStatement {
  readonly names: readonly string[];
  /** Not affected, for a reason that is given, or fixed; anything else clears nothing. */
  readonly clears: boolean;
  /** Milliseconds since 1970; 0 where no time is given. */
  readonly time: number;
  /** `undefined` where the statement is about whatever the document hangs on. */
  readonly products?: readonly VexProduct[] | undefined;
}

/** Package URLs of a product, and of those of its parts that are meant; all of it when there are none. */
interface VexProduct {
  readonly product: string;
  readonly parts: readonly string[];
}

const maxStatements = 20_000;
const text = z.catch(z.optional(z.string().check(z.maxLength(8192))), undefined);
function list<Item extends z.core.$ZodType>(item: Item) {
  return z.catch(z.array(item).check(z.maxLength(maxStatements)), []);
}
const aliases = list(z.string().check(z.maxLength(256)));
const named = z.object({
  "@id": text,
  identifiers: z.catch(z.optional(z.object({ purl: text })), undefined),
});

const openVexSchema = z.object({
  "@context": z.string().check(z.startsWith("https://openvex.dev/ns")),
  timestamp: text,
  statements: z
    .array(
      z.object({
        vulnerability: z.union([z.string(), z.object({ name: text, "@id": text, aliases })]),
        timestamp: text,
        products: z.optional(list(z.extend(named, { subcomponents: list(named) }))),
        status: text,
        justification: text,
        impact_statement: text,
      }),
    )
    .check(z.maxLength(maxStatements)),
});

const component = z.object({ "bom-ref": text, purl: text });
const cycloneSchema = z.object({
  bomFormat: z.literal("CycloneDX"),
  metadata: z.catch(
    z.optional(z.object({ timestamp: text, component: z.catch(z.optional(component), undefined) })),
    undefined,
  ),
  components: list(component),
  vulnerabilities: z
    .array(
      z.object({
        id: z.string().check(z.maxLength(256)),
        updated: text,
        analysis: z.catch(
          z.optional(z.object({ state: text, justification: text, detail: text, lastUpdated: text })),
          undefined,
        ),
        affects: list(z.object({ ref: text })),
      }),
    )
    .check(z.maxLength(maxStatements)),
});

/** Types of statements that may hold VEX. */
export function isVexType(predicateType: string): boolean {
  return (
    predicateType.startsWith("https://openvex.dev/ns") || predicateType.startsWith("https://cyclonedx.org/")
  );
}

/** What a document says; `undefined` when it is none of these formats. */
export function vexStatements(content: unknown): readonly VexStatement[] | undefined {
  const open = openVexSchema.safeParse(content).data;
  if (open !== undefined)
    return open.statements.map(({ vulnerability, products, status, timestamp, ...reasons }) => ({
      names:
        typeof vulnerability === "string"
          ? [vulnerability]
          : present([vulnerability.name, lastSegment(vulnerability["@id"]), ...vulnerability.aliases]),
      clears:
        status === "fixed" ||
        (status === "not_affected" && isGiven(reasons.justification, reasons.impact_statement)),
      time: milliseconds(timestamp ?? open.timestamp),
      products: products?.map((each) => ({
        product: nameOf(each),
        parts: each.subcomponents.map(nameOf),
      })),
    }));
  const cyclone = cycloneSchema.safeParse(content).data;
  if (cyclone === undefined) return undefined;
  const all = [...cyclone.components, cyclone.metadata?.component ?? {}];
  const purls = new Map(all.map((each) => [each["bom-ref"], each.purl]));
  return cyclone.vulnerabilities.map(({ id, updated, analysis, affects }) => ({
    names: [id],
    clears:
      ["resolved", "resolved_with_pedigree"].includes(analysis?.state ?? "") ||
      (["not_affected", "false_positive"].includes(analysis?.state ?? "") &&
        isGiven(analysis?.justification, analysis?.detail)),
    time: milliseconds(analysis?.lastUpdated ?? updated ?? cyclone.metadata?.timestamp),
    products: affects.map(({ ref = "" }) => {
      const part = ref.startsWith("urn:cdx:") ? decodeURI(ref.slice(ref.indexOf("#") + 1)) : ref;
      return { product: purls.get(part) ?? part, parts: [] };
    }),
  }));
}

/**
 * Whether what is said of a vulnerability clears an image of it. Of several statements about it the latest counts, and among
 * those of one time the last.
 * @param digests those of the image, and of the index that lists it.
 */
export function isCleared(
  found: Vulnerability,
  statements: readonly VexStatement[],
  digests: readonly Digest[],
): boolean {
  const names = [found.id, ...found.aliases];
  const about = statements.filter(
    (each) => each.names.some((name) => names.includes(name)) && isAbout(each, found, digests),
  );
  return about.toSorted((one, other) => one.time - other.time).at(-1)?.clears === true;
}

function isAbout({ products }: VexStatement, found: Vulnerability, digests: readonly Digest[]): boolean {
  if (products === undefined) return true;
  return products.some(({ product, parts }) => {
    const told = packageUrl(product);
    if (told === undefined) return false;
    if (told.name.startsWith("oci/")) {
      const isImage = told.version !== undefined && digests.some((digest) => digest === told.version);
      return isImage && (parts.length === 0 || parts.some((part) => isPackage(part, found)));
    }
    // A product that is a package is meant in whatever image it is; its parts are packages in turn.
    return isPackage(product, found) || parts.some((part) => isPackage(part, found));
  });
}

function isPackage(told: string, { package: found }: Vulnerability): boolean {
  const one = packageUrl(told);
  const other = found === undefined ? undefined : packageUrl(found);
  return one !== undefined && other !== undefined && meansPackage(one, other);
}

function nameOf(each: z.infer<typeof named>): string {
  return each.identifiers?.purl ?? each["@id"] ?? "";
}

function isGiven(...reasons: readonly (string | undefined)[]): boolean {
  return reasons.some((reason) => reason !== undefined && reason.trim() !== "");
}

function lastSegment(uri: string | undefined): string | undefined {
  return uri?.slice(uri.lastIndexOf("/") + 1);
}

function milliseconds(time: string | undefined): number {
  const read = time === undefined ? Number.NaN : Date.parse(time);
  return Number.isNaN(read) ? 0 : read;
}

function present(texts: readonly (string | undefined)[]): string[] {
  return texts.filter((text) => text !== undefined && text !== "") as string[];
}
