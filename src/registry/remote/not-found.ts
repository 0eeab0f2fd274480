import { phrase, phraseOf } from "../../errors/index.ts";
import type { Answer } from "../../http/index.ts";
import type { Target } from "../../oci/index.ts";
import type { RegistryError } from "../errors.ts";
import { readServerErrors, saidBehind } from "../host/server-text.ts";
import { failed, type Remote } from "./remote.ts";

/**
 * Codes by which registries say that they have no such manifest, tag or repository: those of the distribution
 * specification, Harbor's (`NOT_FOUND`), and Quay's for tags whose time is over.
 */
const absences: ReadonlySet<string> = new Set([
  "MANIFEST_UNKNOWN",
  "NAME_UNKNOWN",
  "NOT_FOUND",
  "TAG_EXPIRED",
]);

/**
 * Whether an answer of 404 says in a registry's own form (distribution specification, "Error Codes") that what was asked
 * for is not there. Web pages, bare answers and other errors do not.
 */
export function saysAbsent(answer: Pick<Answer, "bytes">): boolean {
  const codes = readServerErrors(answer.bytes, [])?.codes ?? [];
  return codes.length > 0 && codes.every((code) => absences.has(code.toUpperCase()));
}

/** A 404 that proves nothing. @param doing What was tried, as the subject of a sentence. */
export function unproven(remote: Remote, answer: Answer, doing: string, target?: Target): RegistryError {
  const said = readServerErrors(answer.bytes, answer.secrets);
  const message = phrase`${phraseOf(doing)}: the answer was 404, but not as registries say that something is not there${saidBehind(said)}`;
  const hint = `it may be there: ask whoever runs ${answer.from.host}, or what stands before it`;
  return failed(remote, target, "absence-unproven", message, hint, answer);
}
