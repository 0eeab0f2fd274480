/** What a command line of the promoter asks for: `cip …`, or `kpromo cip …`. */
export interface PromoterLine {
  /** The value of each flag that says what is done, with the number of the word that it begins at. */
  readonly values: ReadonlyMap<PromoterFlag, { readonly word: number; readonly value: string }>;
  /** Words that were taken, by their numbers. */
  readonly taken: readonly number[];
  /** Words that were not, by their numbers. */
  readonly ignored: ReadonlyMap<number, IgnoredFlag>;
}

/** A flag that is not taken. */
export interface IgnoredFlag {
  /** Without dashes before it. */
  readonly flag: string;
  readonly why: string;
  /** What is done is the same without it. */
  readonly isHarmless: boolean;
}

/** Flags that say what is done. */
export type PromoterFlag = (typeof saying)[number];

const saying = [
  ...["manifest", "thin-manifest-dir", "confirm", "dry-run", "parse-only", "snapshot"],
  ...["minimal-snapshot", "output", "output-format"],
] as const satisfies readonly string[];

const switches = new Set([
  ...["confirm", "dry-run", "parse-only", "minimal-snapshot", "use-prow-manifest-diff", "json-log-summary"],
  ...["use-service-account", "no-service-account", "sign", "verification-summaries"],
]);

const harmless = (why: string) => ({ why, isHarmless: true });
const weighty = (why: string) => ({ why, isHarmless: false });
const accounts = harmless("the server has credentials of its own for each destination");
const signing = weighty("Waybill neither makes nor checks signatures");
const limits = weighty("a promotion compares all manifests with the registries, whatever has changed");
const bounds = harmless("requests are bounded for each host by what it bears");

/** Flags that are not taken, and why. */
const others: Readonly<Record<string, Omit<IgnoredFlag, "flag">>> = {
  threads: bounds,
  "log-level": harmless("the log is always in the record of the run"),
  "json-log-summary": harmless("the report is in the record of the run"),
  "max-image-size": harmless("it has had no effect for years"),
  "key-files": accounts,
  "use-service-account": accounts,
  "no-service-account": accounts,
  "snapshot-service-account": accounts,
  "use-prow-manifest-diff": limits,
  "manifest-diff-since": limits,
  sign: signing,
  "signer-account": signing,
  "certificate-identity": signing,
  "certificate-identity-regexp": signing,
  "certificate-oidc-issuer": signing,
  "certificate-oidc-issuer-regexp": signing,
  "max-signature-ops": signing,
  "max-signature-copies": signing,
  "verification-summaries": signing,
  "summary-signer-account": signing,
};

/**
 * Reads the words behind the promoter's name as Go's package `flag` does, with what its successor adds: one dash or two, the value behind
 * `=` or in the next word, switches by `=` alone, underscores as dashes, the last of several.
 * @returns a text that says why it cannot be one of our jobs.
 */
export function readPromoterLine(words: readonly string[]): PromoterLine | string {
  const values = new Map<PromoterFlag, { readonly word: number; readonly value: string }>();
  const taken = new Set<number>();
  const ignored = new Map<number, IgnoredFlag>();
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? "";
    const [, written, given] = /^--?([A-Za-z][\w-]*)(?:=(.*))?$/s.exec(word) ?? [];
    if (written === undefined)
      return `the promoter is given ${JSON.stringify(word.slice(0, 80))}, which is no flag`;
    const name = written.replaceAll("_", "-");
    const flag = saying.find((each) => each === name);
    const other = others[name];
    if (name === "vuln-severity-threshold")
      return "it scans images for vulnerabilities instead of promoting them";
    if (name.startsWith("manifest-based-snapshot"))
      return "it lists what manifests ask for, not what a registry holds";
    if (flag === undefined && other === undefined) return `it has a flag --${name}, which is not known`;
    const own = [at];
    let value = given;
    if (switches.has(name)) value ??= "true";
    else if (value === undefined) {
      at += 1;
      value = words[at];
      own.push(at);
      if (value === undefined) return `the flag --${name} needs a value`;
    }
    if (flag !== undefined) {
      values.set(flag, { word: own[0] ?? at, value });
      for (const index of own) taken.add(index);
    } else if (other !== undefined) {
      for (const index of own) ignored.set(index, { ...other, flag: name });
    }
  }
  return { values, taken: [...taken], ignored };
}

/** Whether a flag that is a switch is given and true, as Go reads it. */
export function isOn(line: PromoterLine, flag: PromoterFlag): boolean | undefined {
  const found = line.values.get(flag)?.value;
  if (found === undefined) return undefined;
  return /^(?:1|t|T|true|TRUE|True)$/.test(found);
}
