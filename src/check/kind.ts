import { basename } from "node:path";
import { parseYaml, YamlSyntaxError } from "../yaml/index.ts";

/** Kinds of files that can be checked; `manifests` is a directory of thin manifests, or one plain manifest. */
export type FileKind = "manifests" | "settings" | "jobs" | "cloudbuild" | "owners" | "variants" | "policy";

const names: readonly (readonly [RegExp, FileKind])[] = [
  [/^waybill\.ya?ml$/, "settings"],
  [/^(?:OWNERS|OWNERS_ALIASES|CODEOWNERS)$/, "owners"],
  [/^variants\.yaml$/, "variants"],
  [/^policy\.ya?ml$/, "policy"],
  [/^cloudbuild[\w.-]*\.(?:ya?ml|json)$/, "cloudbuild"],
  [/^(?:promoter-manifest|images)\.yaml$/, "manifests"],
];

/** Keys that only one kind has at its top. Not `images`: Cloud Build files have it as well. */
const keys: readonly (readonly [FileKind, readonly string[]])[] = [
  ["manifests", ["registries"]],
  ["cloudbuild", ["steps"]],
  ["jobs", ["jobs", "repo", "build"]],
  ["variants", ["variants"]],
  ["policy", ["rules", "signers", "exceptions"]],
  [
    "settings",
    [
      ...["hosts", "locations", "credentials", "identities", "secretManagers", "forges"],
      ...["releases", "destinations", "runs", "serve", "trust"],
    ],
  ],
];

/** The kind of a file, by its name, else by the keys at its top; a text that says nothing is taken for a manifest. */
export function kindOf(file: string, text: string): FileKind {
  const known = names.find(([name]) => name.test(basename(file)))?.[1];
  if (known !== undefined) return known;
  const top = new Set(keysAtTop(text));
  return keys.find(([, words]) => words.some((word) => top.has(word)))?.[0] ?? "manifests";
}

function keysAtTop(text: string): readonly string[] {
  try {
    const { root } = parseYaml(text);
    return root?.kind === "mapping" ? root.entries.map(({ key }) => key.value) : [];
  } catch (error) {
    if (!(error instanceof YamlSyntaxError)) throw error;
    // A line of its own is enough to tell what was meant to be one of these.
    return Array.from(text.matchAll(/^(\w+):/gm), ([, key = ""]) => key);
  }
}
