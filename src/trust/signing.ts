import { formatPlace } from "../diagnostics/index.ts";
import { type Patterns, parsePatterns, SelectionError } from "../edges/index.ts";
import { WaybillError } from "../errors/index.ts";
import type { RepositoryName } from "../oci/index.ts";
import { splitRepository } from "../oci/index.ts";
import { identityPlace, identityTemplateFault, type SigningRule } from "../settings/index.ts";
import type { PromotionFacts, Signer, SummaryFacts } from "../signing/index.ts";
import { openVerifier, readPublicKey, type SignatureVerifier, type TrustedRoot } from "../sigstore/index.ts";

/** A signer, and what verifies its signatures. */
export interface KnownSigner {
  readonly signer: Signer;
  /** Knows its key, or the authorities of its certificates. */
  readonly verifier: () => Promise<SignatureVerifier>;
}

/**
 * A signer with a verifier that knows its key.
 * @param trustedRoot What its certificates, or its entries in logs, are verified by.
 */
export function knownSigner(signer: Signer, trustedRoot?: TrustedRoot): KnownSigner {
  let opening: Promise<SignatureVerifier> | undefined;
  const open = async (): Promise<SignatureVerifier> => {
    const identity = await signer.identity();
    const keys = identity.kind === "key" ? [readPublicKey(identity.publicKey, signer.name, signer.name)] : [];
    return openVerifier({ keys, trustedRoot });
  };
  return {
    signer,
    verifier() {
      opening ??= open();
      return opening;
    },
  };
}

/** What is the same in all records and summaries of a run. */
export interface SigningFacts extends Pick<PromotionFacts, "time" | "promoter" | "job"> {
  /** Where Git has the manifests, and the commit that is promoted. */
  readonly manifests?:
    | {
        /** The path of a file of the tree, from the top of its repository on. */
        readonly pathOf: (file: string) => string;
        readonly repository?: string | undefined;
        readonly commit?: string | undefined;
      }
    | undefined;
  readonly verifier: SummaryFacts["verifier"];
}

/** What promotion signs, and with what. */
export interface ImageSigning {
  readonly facts: SigningFacts;
  /** The first rule that means a production repository. */
  ruleOf(destination: RepositoryName): SigningRule | undefined;
  /** @throws {TrustError} for a name that no signer has. */
  signer(name: string): KnownSigner;
}

/** Why what is to be signed, or by whom, makes no sense. */
export type TrustErrorCode = "unknown-signer" | "invalid-identity" | "invalid-images";

/** Signing that makes no sense as it is set. */
export class TrustError extends WaybillError<TrustErrorCode> {
  override readonly name = "TrustError";
}

/**
 * Puts rules and signers together. Nobody is asked.
 * @throws {TrustError} for a rule whose signer is not there, whose identity is no name, or whose images can match nothing.
 */
export async function openSigning(
  rules: readonly SigningRule[],
  signers: ReadonlyMap<string, KnownSigner>,
  facts: SigningFacts,
): Promise<ImageSigning> {
  const signer = (name: string): KnownSigner => {
    const found = signers.get(name);
    if (found !== undefined) return found;
    throw new TrustError("unknown-signer", `there is no signer ${name}`, {
      hint: "name it under trust.signers of waybill.yaml",
    });
  };
  const compiled: { readonly rule: SigningRule; readonly images: Patterns }[] = [];
  for (const [number, rule] of rules.entries()) {
    signer(rule.signer);
    if (rule.summary !== undefined) signer(rule.summary);
    identityFault(rule.identity);
    compiled.push({ rule, images: await imagesOf(rule, `trust.sign[${number}].images`) });
  }
  return {
    facts,
    signer,
    ruleOf: (destination) => compiled.find(({ images }) => images.matches(destination))?.rule,
  };
}

/** They are written as the patterns of `--to`, and are told as what they are. */
async function imagesOf({ images = [], at }: SigningRule, key: string): Promise<Patterns> {
  try {
    return await parsePatterns("--to", images);
  } catch (cause) {
    if (!(cause instanceof SelectionError)) throw cause;
    throw new TrustError("invalid-images", cause.message.replace(/^--to /, `${key}: `), {
      where: at === undefined ? key : formatPlace(at),
      hint:
        cause.hint ??
        "a pattern is the name of a repository, a glob such as registry.example.com/**, or regex:EXPRESSION",
      cause,
    });
  }
}

function identityFault(template: string | undefined): void {
  const fault = template === undefined ? undefined : identityTemplateFault(template);
  if (fault !== undefined) throw new TrustError("invalid-identity", fault.fault, { hint: fault.hint });
}

/**
 * The name that signatures and records have for an image: the template with `{repository}` for the production repository,
 * `{name}` for what is below the registry that the promoter manifest names, and `{below:PATH}` for what is below a path.
 * A repository that is not below the path is called by its own name, as kpromo does.
 */
export function identityIn(template: string | undefined, destination: RepositoryName, name: string): string {
  if (template === undefined) return destination;
  let isBelow = true;
  const text = template.replace(identityPlace, (_, what: string, path = "") => {
    if (what === "name") return name;
    if (what === "repository") return destination;
    const below = restBelowPath(destination, path);
    isBelow &&= below !== undefined;
    return below ?? "";
  });
  return isBelow ? text : destination;
}

/** What is behind a path in a repository, wherever the path stands in it. */
function restBelowPath(destination: RepositoryName, path: string): string | undefined {
  const whole = `/${splitRepository(destination).path}`;
  const part = `/${path.replace(/^\/|\/$/g, "")}/`;
  const at = whole.indexOf(part);
  return at < 0 ? undefined : whole.slice(at + part.length);
}
