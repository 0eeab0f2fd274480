import { isTag } from "../oci/index.ts";
import { BuildError } from "./errors.ts";

/** The date that a tag begins with: `YYYYMMDD`, as the clock of this machine shows it, or as UTC has it. */
export function dateOfTag(time: Date, zone: "local" | "utc"): string {
  const [year, month, day] =
    zone === "local"
      ? [time.getFullYear(), time.getMonth() + 1, time.getDate()]
      : [time.getUTCFullYear(), time.getUTCMonth() + 1, time.getUTCDate()];
  return [year, String(month).padStart(2, "0"), String(day).padStart(2, "0")].join("");
}

/**
 * What image-builder gives builds as `$_GIT_TAG`: `v`, a date, and what `git describe` says, without the characters that
 * no tag may have. They are left out, not replaced: `kustomize/v4.1.2` becomes `kustomizev4.1.2`.
 * @throws {BuildError} `invalid-tag` for what is no tag of an image, such as one with more than 128 characters.
 */
export function versionTag(date: string, describe: string): string {
  const tag = `v${date}-${describe.replace(/[^-_.a-zA-Z0-9]+/g, "")}`;
  if (isTag(tag)) return tag;
  throw new BuildError("invalid-tag", `${JSON.stringify(tag)} is no tag: a tag has 128 characters at most`, {
    hint: "choose shorter Git tags with --version-tag-filter",
  });
}
