import { UsageError } from "../failure.ts";
import { type Flag, type Help, helpFlags, helpOf, readGoFlags, type Translation } from "./go-flags.ts";
import { logFlags, verbosityOf } from "./log-flags.ts";

const flags: Readonly<Record<string, Flag>> = {
  "base-dir": { kind: "text", means: "directory of the manifests; the current one when left out" },
  "staging-repo": { kind: "text", means: "staging registry to read" },
  "filter-image": { kind: "text", means: "take only this image" },
  "filter-digest": { kind: "text", means: "take only this digest" },
  "filter-tag": { kind: "text", means: "take only this tag" },
  ...helpFlags,
  ...logFlags,
};

/**
 * A line of `cip-mm` (and of `kpromo mm`, which has the same flags) as `waybill merge`. An empty filter is no filter.
 * @throws {UsageError} where `cip-mm` refuses the line too: no staging repository, or the tag `latest`.
 */
export function translateCipMm(line: readonly string[], program = "cip-mm"): Translation | Help {
  const { texts, switches, words, notices } = readGoFlags(line, flags);
  if (switches.get("help") || switches.get("h")) {
    return { help: helpOf(program, "waybill merge", flags) };
  }
  const [unexpected] = words;
  if (unexpected !== undefined) throw new UsageError(`unexpected argument ${JSON.stringify(unexpected)}`);
  const staging = texts.get("staging-repo") ?? "";
  if (staging === "") throw new UsageError("must specify --staging_repo");
  if (texts.get("filter-tag") === "latest") {
    throw new UsageError('--filter_tag cannot be "latest" (anti-pattern)', "name the version instead");
  }
  const filters = (["image", "digest", "tag"] as const).flatMap((part) => {
    const value = texts.get(`filter-${part}`) ?? "";
    return value === "" ? [] : [`--${part}`, value];
  });
  const base = texts.get("base-dir") || ".";
  return { command: ["merge", base, "--staging-repo", staging, ...filters, ...verbosityOf(texts)], notices };
}
