/** Why a Prow job cannot be written as one of ours. */
export class NotImportable extends Error {
  override readonly name = "Refusal";
}
