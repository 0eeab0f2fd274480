/** What is taken of a command line of image-builder; the keys are those of a job's `build`. */
export interface ImageBuilderLine {
  readonly values: ReadonlyMap<string, string | boolean>;
  readonly configDir: { readonly word: number; readonly value: string };
  /** Words that were taken, by what they became. */
  readonly taken: ReadonlyMap<number, string>;
  /** Words that were not, and why. */
  readonly ignored: ReadonlyMap<number, string>;
}

/** Why a command line would be refused by image-builder, at a word of it. */
export interface RefusedLine {
  readonly refused: string;
  readonly word?: number;
}

interface Flag {
  readonly isSwitch?: true;
  /** The key that it becomes; without one it is not taken, for a reason. */
  readonly key?: string;
  readonly reason?: string;
}

const flags: ReadonlyMap<string, Flag> = new Map<string, Flag>([
  ["build-dir", { key: "buildDir" }],
  ["gcb-config", { key: "config" }],
  ["project", { key: "project" }],
  ["env-passthrough", { key: "env" }],
  ["variant", { key: "variant" }],
  ["version-tag-filter", { key: "versionTagFilter" }],
  ["with-git-dir", { key: "withGitDir", isSwitch: true }],
  ["allow-dirty", { key: "allowDirty", isSwitch: true }],
  ["no-source", { key: "noSource", isSwitch: true }],
  ["region", { key: "region" }],
  ["scratch-bucket", { key: "scratchBucket" }],
  ["machine-type", { key: "machineType" }],
  ["worker-pool", { key: "workerPool" }],
  ["service-account", { key: "serviceAccount" }],
  ["polling-interval", { key: "pollingSeconds" }],
  ["suppress-logs", { key: "suppressLogs", isSwitch: true }],
  ["log-dir", { reason: "the log is in the record of the run" }],
]);

const yes = new Set(["1", "t", "T", "true", "TRUE", "True"]);
const no = new Set(["0", "f", "F", "false", "FALSE", "False"]);

/**
 * Reads the words behind `image-builder` as Go's package `flag` does: one dash or two, the value behind `=` or in the next
 * word, switches by `=` alone, the last of several wins, and no flag is read behind the first word that is none.
 */
export function readImageBuilderLine(words: readonly string[]): ImageBuilderLine | RefusedLine {
  const values = new Map<string, string | boolean>();
  const taken = new Map<number, string>();
  const ignored = new Map<number, string>();
  const lastOf = new Map<string, readonly number[]>();
  let at = 0;
  for (; at < words.length; at += 1) {
    const word = words[at] ?? "";
    if (word === "--") {
      ignored.set(at, "it ends the flags, and says nothing");
      at += 1;
      break;
    }
    const [, dashes, name = "", , written] = /^(--?)([^-=][^=]*)(=(.*))?$/s.exec(word) ?? [];
    if (!word.startsWith("-") || word === "-") break;
    const flag = dashes === undefined ? undefined : flags.get(name);
    if (flag === undefined) return { refused: `image-builder has no flag ${word.slice(0, 80)}`, word: at };
    const own = [at];
    let value = written;
    if (value === undefined && flag.isSwitch !== true) {
      at += 1;
      value = words[at];
      own.push(at);
      if (value === undefined)
        return { refused: `the flag ${word.slice(0, 80)} needs a value`, word: at - 1 };
    }
    if (flag.isSwitch === true && value !== undefined && !yes.has(value) && !no.has(value)) {
      return { refused: `${JSON.stringify(value.slice(0, 80))} is neither true nor false`, word: at };
    }
    for (const earlier of lastOf.get(name) ?? []) {
      taken.delete(earlier);
      ignored.set(earlier, `--${name} stands again behind it, and the last one counts`);
    }
    lastOf.set(name, own);
    if (flag.key === undefined) {
      for (const index of own) ignored.set(index, `--${name}: ${flag.reason ?? ""}`);
      continue;
    }
    values.set(flag.key, flag.isSwitch === true ? !no.has(value ?? "true") : (value ?? ""));
    for (const index of own) taken.set(index, flag.key);
  }
  const configDir = words[at];
  if (configDir === undefined)
    return { refused: "image-builder expects a config directory, and there is none" };
  taken.set(at, "dir");
  for (let rest = at + 1; rest < words.length; rest += 1) {
    ignored.set(rest, "image-builder reads nothing behind the config directory");
  }
  return { values, configDir: { word: at, value: configDir }, taken, ignored };
}
