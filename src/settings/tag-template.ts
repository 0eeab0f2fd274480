import { isTag } from "../oci/index.ts";

/** The numbers of a version, as the places of a template name them. */
export interface VersionNumbers {
  readonly major: bigint;
  readonly minor: bigint;
  readonly patch: bigint;
}

const place = /\{([^{}]*)\}/g;
const sum = /^(major|minor|patch)(?:\+([0-9]{1,3}))?$/;

/**
 * The text that a template such as `v{major}.{minor}.{patch+1}-rc.0` stands for: each place in braces names a number of
 * the version, and may add something to it. A place that {@link tagTemplateFault} objects to stays as it is.
 */
export function expandTagTemplate(template: string, numbers: VersionNumbers): string {
  return template.replace(place, (written, inside: string) => {
    const [, name, plus = "0"] = sum.exec(inside) ?? [];
    return name === undefined ? written : String(numbers[name as keyof VersionNumbers] + BigInt(plus));
  });
}

/** What is wrong with a text as a template of tags, or `undefined`. */
export function tagTemplateFault(
  text: string,
): { readonly fault: string; readonly hint?: string } | undefined {
  for (const [written, inside = ""] of text.matchAll(place)) {
    if (!sum.test(inside)) {
      return {
        fault: `nothing is known by the name ${JSON.stringify(written.slice(0, 40))}`,
        hint: "a place is {major}, {minor} or {patch}, and may add to it: {patch+1}",
      };
    }
  }
  if (isTag(expandTagTemplate(text, { major: 0n, minor: 0n, patch: 0n }))) return undefined;
  return { fault: "this would be no tag", hint: "such as v{major}.{minor}.{patch+1}-rc.0" };
}
