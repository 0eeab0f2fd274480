import * as z from "zod/mini";
import { errorCodeOf, readNamed } from "../../disk/index.ts";
import { jsonIn } from "../../oci/index.ts";
import { SigningError } from "../errors.ts";

const maxFileBytes = 256 * 1024;
const maxServices = 64;
const mediaType = "application/vnd.dev.sigstore.signingconfig.v0.2+json";

const time = z.pipe(
  z.string().check(z.refine((text) => !Number.isNaN(Date.parse(text)), { error: "is no time" })),
  z.transform((text) => new Date(text)),
);
const validity = z.object({ start: z.optional(time), end: z.optional(time) });
const service = z.object({
  url: z.string().check(z.refine((text) => URL.canParse(text), { error: "is no address" })),
  majorApiVersion: z._default(z.number(), 1),
  validFor: z.optional(validity),
  operator: z._default(z.string(), ""),
});
const services = z._default(z.array(service).check(z.maxLength(maxServices)), []);
const selectorNames = ["SERVICE_SELECTOR_UNDEFINED", "ALL", "ANY", "EXACT"] as const;
const selection = z.object({
  // JSON of protocol buffers has the name of a value or its number.
  selector: z._default(z.union([z.enum(selectorNames), z.number()]), "SERVICE_SELECTOR_UNDEFINED"),
  count: z._default(z.number(), 0),
});
const schema = z.object({
  mediaType: z.literal(mediaType),
  caUrls: services,
  rekorTlogUrls: services,
  rekorTlogConfig: z.optional(selection),
  tsaUrls: services,
  tsaConfig: z.optional(selection),
});

/** What a `signing_config.json` says: which authorities, logs and timestamp authorities there are, and how many are asked. */
export type SigningConfig = z.output<typeof schema>;
type Service = z.output<typeof service>;

/** A service that was chosen. */
export interface ChosenService {
  readonly url: URL;
  readonly version: number;
}

/** Reads a `signing_config.json`, version 0.2. @throws {SigningError} `signer-unavailable`, `signer-invalid`. */
export async function readSigningConfig(file: string): Promise<SigningConfig> {
  const read = await readNamed(file, maxFileBytes).catch((cause: unknown) => {
    const code = errorCodeOf(cause);
    const why = code === "ENOENT" ? "does not exist" : `cannot be read (${code ?? "unknown error"})`;
    throw new SigningError("signer-unavailable", `signing_config.json ${why}`, { where: file });
  });
  const found = schema.safeParse(jsonIn(read.bytes.toString("utf8")));
  if (found.success) return found.data;
  const [issue] = found.error.issues;
  const place = issue?.path.length ? ` (at ${issue.path.join(".")})` : "";
  throw new SigningError("signer-invalid", `this is no signing_config.json of version 0.2${place}`, {
    where: file,
    hint: `its mediaType is ${mediaType}`,
  });
}

/**
 * The services of a list that are asked now, as Sigstore's clients choose them: of the highest version that is known and has a
 * service that is valid, the newest one of each operator; then one, all, or so many of them. The choice is always the same, so that
 * a second run asks the same services as the first.
 * @param versions That are known here.
 * @throws {SigningError} `signer-unavailable` when none is valid now, `signer-invalid` when the file does not say how many.
 */
export function chooseServices(
  list: readonly Service[],
  selected: SigningConfig["tsaConfig"] | "one",
  { versions, now, what, where }: ServiceChoice,
): readonly ChosenService[] {
  if (list.length === 0) return [];
  const valid = list.filter(({ validFor }) => {
    const { start, end } = validFor ?? {};
    return (start === undefined || start <= now) && (end === undefined || now <= end);
  });
  const newest = valid.toSorted((one, other) => startOf(other) - startOf(one));
  const version = versions
    .toSorted((one, other) => other - one)
    .find((each) => newest.some(({ majorApiVersion }) => majorApiVersion === each));
  const operators = new Set<string>();
  const candidates = newest.filter(({ majorApiVersion, operator }) => {
    if (majorApiVersion !== version || operators.has(operator)) return false;
    operators.add(operator);
    return true;
  });
  if (candidates.length === 0) {
    throw new SigningError("signer-unavailable", `none of its services is ${what} that can be used now`, {
      where,
      hint: `it has to be valid at this time, and of version ${versions.join(" or ")}`,
    });
  }
  const count = countOf(selected, candidates.length);
  if (count === undefined || count < 1 || count > candidates.length) {
    throw new SigningError("signer-invalid", `it does not say how many services are asked for ${what}`, {
      where,
      hint: `selector is ANY, ALL or EXACT with a count; there are ${candidates.length} with an operator of their own`,
    });
  }
  return candidates
    .slice(0, count)
    .map(({ url, majorApiVersion }) => ({ url: new URL(url), version: majorApiVersion }));
}

/** What services are chosen for. */
export interface ServiceChoice {
  readonly versions: readonly number[];
  readonly now: Date;
  /** For messages: `a log`. */
  readonly what: string;
  readonly where: string;
}

function startOf({ validFor }: Service): number {
  return validFor?.start?.getTime() ?? Number.NEGATIVE_INFINITY;
}

function countOf(selected: SigningConfig["tsaConfig"] | "one", all: number): number | undefined {
  if (selected === "one") return 1;
  const { selector, count = 0 } = selected ?? {};
  switch (typeof selector === "number" ? selectorNames[selector] : selector) {
    case "ANY":
      return 1;
    case "ALL":
      return all;
    case "EXACT":
      return count;
    default:
      return undefined;
  }
}
