import { harmless } from "../errors/index.ts";
import { StagingError } from "./errors.ts";
import type { ProjectNames } from "./names.ts";

/**
 * A list without images, as `cip` and `kpromo` take it: a comment alone. `[]` would do for them as well, but nothing could be
 * added to it in the usual style.
 */
export const emptyImages = "# Images that are promoted: their digests, and the tags of each.\n";

/** The text of a `promoter-manifest.yaml`. */
export function promoterManifest({ source, destinations }: ProjectNames): string {
  const lines = destinations.flatMap(({ name, serviceAccount }) => [
    `- name: ${name}`,
    ...(serviceAccount === undefined ? [] : [`  service-account: ${serviceAccount}`]),
  ]);
  return `${["registries:", `- name: ${source}`, "  src: true", ...lines].join("\n")}\n`;
}

/** A login, a name of `OWNERS_ALIASES`, or a team. */
const owner = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}(?:\/[A-Za-z0-9][A-Za-z0-9._-]{0,99})?$/;
/** What YAML would take for something else than a text. */
const ambiguous = /^(?:[0-9].*|true|false|yes|no|on|off|null|y|n)$/i;

/**
 * The text of an `OWNERS` file in which these people approve.
 * @throws {StagingError} `invalid-owner`.
 */
export function ownersFile(owners: readonly string[]): string {
  const approvers = [...new Set(owners.map(ownerName))];
  const lines = approvers.map((name) => `- ${ambiguous.test(name) ? JSON.stringify(name) : name}`);
  return `${["approvers:", ...lines].join("\n")}\n`;
}

function ownerName(text: string): string {
  const name = text.replace(/^@/, "");
  if (owner.test(name)) return name;
  throw new StagingError(
    "invalid-owner",
    `${JSON.stringify(harmless(text.slice(0, 80)))} cannot be an approver`,
    { hint: "an approver is the login of a person, or a name of OWNERS_ALIASES" },
  );
}
