import { UsageError } from "../failure.ts";
import { type Flag, type Help, helpFlags, helpOf, readGoFlags, type Translation } from "./go-flags.ts";
import { logFlags, verbosityOf } from "./log-flags.ts";

const everyImage = "all images are looked at, however old they are";
const manifestsFlag = "thin-manifest-dir";

const flags: Readonly<Record<string, Flag>> = {
  confirm: { kind: "switch", means: "sign what is not signed" },
  [manifestsFlag]: { kind: "text", means: "directory of thin manifests, this one when left out" },
  "from-days": { kind: "number", means: "youngest images", instead: everyImage },
  "to-days": { kind: "number", means: "oldest images", instead: everyImage },
  limit: { kind: "number", means: "images to look at", instead: everyImage },
  "attestations-since": {
    kind: "text",
    means: "records of images since a date",
    instead: "records are looked for where a rule of trust.sign asks for them",
  },
  "certificate-identity": { kind: "text", means: "whose signatures are looked for" },
  "certificate-oidc-issuer": { kind: "text", means: "who says that it is this identity" },
  "certificate-identity-regexp": { kind: "text", means: "refused: name the identity" },
  "certificate-oidc-issuer-regexp": { kind: "text", means: "refused: name the issuer" },
  ...helpFlags,
  ...logFlags,
};

/**
 * A line of `kpromo sigcheck` as `waybill sigcheck`. Images are those of manifests where kpromo walks its registry.
 * @throws {UsageError} for what Waybill does not look for by expressions.
 */
export function translateSigcheck(line: readonly string[]): Translation | Help {
  const { texts, switches, words, notices } = readGoFlags(line, flags);
  if (switches.get("help") || switches.get("h"))
    return { help: helpOf("kpromo sigcheck", "waybill sigcheck", flags) };
  for (const name of ["certificate-identity-regexp", "certificate-oidc-issuer-regexp"]) {
    if (!texts.get(name)) continue;
    throw new UsageError(
      `--${name}: identities of signers are compared as a whole`,
      `name it with --${name.replace(/-regexp$/, "")}; policies take expressions`,
    );
  }
  const given = ["certificate-identity", "certificate-oidc-issuer"].flatMap((name) => {
    const text = texts.get(name);
    return text ? [`--${name}`, text] : [];
  });
  const tree = texts.get(manifestsFlag);
  return {
    command: [
      "sigcheck",
      ...words,
      ...(tree ? ["--manifests", tree] : []),
      ...(switches.get("confirm") ? ["--confirm"] : []),
      ...given,
      ...verbosityOf(texts),
    ],
    notices,
  };
}
