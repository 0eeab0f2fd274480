import { isTag, prefixFault } from "../oci/index.ts";

type Fault = { readonly fault: string; readonly hint?: string };

const place = "{name}";
const hint = `${place} stands for the short name of the project`;

/** The text that a template stands for. */
export function expandNameTemplate(template: string, name: string): string {
  return template.replaceAll(place, name);
}

/** What is wrong with a text as a template of registries, or `undefined`. */
export function registryTemplateFault(text: string): Fault | undefined {
  const unknown = unknownPlace(text);
  if (unknown !== undefined) return unknown;
  const fault = prefixFault(expandNameTemplate(text, "a"));
  return fault === undefined ? undefined : { fault };
}

/** The same for one that gives each project another registry. */
export function sourceTemplateFault(text: string): Fault | undefined {
  return withoutPlace(text) ?? registryTemplateFault(text);
}

/** The same for the name of a project's folder. */
export function folderTemplateFault(text: string): Fault | undefined {
  const fault = withoutPlace(text) ?? unknownPlace(text);
  if (fault !== undefined) return fault;
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,100}$/.test(expandNameTemplate(text, "a"))) return undefined;
  return { fault: "expected the name of one folder", hint: "such as k8s-staging-{name}" };
}

function withoutPlace(text: string): Fault | undefined {
  if (text.includes(place)) return undefined;
  return { fault: `without ${place} all projects would have the same`, hint };
}

function unknownPlace(text: string): Fault | undefined {
  const unknown = Array.from(text.matchAll(/\{[^{}]*\}?/g), ([written]) => written).find(
    (written) => written !== place,
  );
  if (unknown === undefined) return undefined;
  return { fault: `nothing is known by the name ${JSON.stringify(unknown.slice(0, 40))}`, hint };
}

/** The numbers of a version, as the places of a template name them. */
export interface VersionNumbers {
  readonly major: bigint;
  readonly minor: bigint;
  readonly patch: bigint;
}

const sumPlace = /\{([^{}]*)\}/g;
const sum = /^(major|minor|patch)(?:\+([0-9]{1,3}))?$/;

/**
 * The text that a template such as `v{major}.{minor}.{patch+1}-rc.0` stands for: each place in braces names a number of
 * the version, and may add something to it. A place that {@link tagTemplateFault} objects to stays as it is.
 */
export function expandTagTemplate(template: string, numbers: VersionNumbers): string {
  return template.replace(sumPlace, (written, inside: string) => {
    const [, name, plus = "0"] = sum.exec(inside) ?? [];
    return name === undefined ? written : String(numbers[name as keyof VersionNumbers] + BigInt(plus));
  });
}

/** What is wrong with a text as a template of tags, or `undefined`. */
export function tagTemplateFault(text: string): Fault | undefined {
  for (const [written, inside = ""] of text.matchAll(sumPlace)) {
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

/** A part of the identity of an image that stands for something else. */
export const identityPlace = /\{([a-z]+)(?::([^{}]*))?\}/g;

/** What is wrong with a text as the name that signatures have for an image, or `undefined`. */
export function identityTemplateFault(text: string): Fault | undefined {
  const rest = text.replace(identityPlace, (whole, name: string, path: string | undefined) =>
    name === "name" || name === "repository" || (name === "below" && path) ? "" : whole,
  );
  if (!/[{}\s]/.test(rest)) return undefined;
  return {
    fault: `${text} is no name of an image`,
    hint: "it may have {name}, {repository} and {below:PATH}, as in registry.k8s.io/{name}",
  };
}
