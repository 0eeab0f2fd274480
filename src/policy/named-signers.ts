import type { SignedBy } from "../sigstore/index.ts";
import { policiesFor } from "./evaluate.ts";
import type { JudgedImage } from "./model.ts";
import type { Demand, Policy, SignerPattern } from "./rule.ts";
import { isBy } from "./signers.ts";

/** Whom the policies of an image know. */
export interface NamedSigners {
  /** One of them demands a signature of the image itself. */
  readonly isDemanded: boolean;
  /** Whether one of them names who has signed. */
  isNamed(by: SignedBy): boolean;
}

/** Whom policies name that apply to an image. Those of policies about other images are nobody's here. */
export function namedSigners(policies: readonly Policy[], image: JudgedImage): NamedSigners {
  const demands = policiesFor(policies, image).flatMap(({ demand }) => withParts(demand));
  const patterns = demands.flatMap(signersIn);
  return {
    isDemanded: demands.some(({ kind }) => kind === "signature"),
    isNamed: (by) => patterns.some((pattern) => isBy(pattern, by)),
  };
}

function withParts(demand: Demand): readonly Demand[] {
  return "of" in demand ? demand.of.flatMap(withParts) : [demand];
}

function signersIn(demand: Demand): readonly SignerPattern[] {
  return "by" in demand ? (demand.by ?? []) : [];
}
