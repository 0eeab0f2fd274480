/** What is compared of a package URL: type, namespace and name as one text, and the version where there is one. */
export interface PackageUrl {
  readonly name: string;
  readonly version?: string | undefined;
}

/** A package URL without its qualifiers; `undefined` for what is none. */
export function packageUrl(text: string): PackageUrl | undefined {
  const [, name = "", version] = /^pkg:\/*([^?#@]+)(?:@([^?#]*))?/.exec(text) ?? [];
  if (name === "") return undefined;
  return { name: decoded(name), version: version === undefined ? undefined : decoded(version) };
}

/** Whether one that is told means another: the same name, and the same version where it names one. */
export function meansPackage(told: PackageUrl, other: PackageUrl): boolean {
  return told.name === other.name && (told.version === undefined || told.version === other.version);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
