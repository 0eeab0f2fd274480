/** Why a Prow job cannot be written as one of ours. */
export class Refusal extends Error {
  override readonly name = "Refusal";
}
