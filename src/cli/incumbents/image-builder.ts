import { UsageError } from "../failure.ts";
import { type Flag, helpOf, readGoFlags } from "./go-flags.ts";
import type { Help, Translation } from "./translation.ts";

const texts = {
  "build-dir": "folder to build from; the config folder by default",
  "gcb-config": "build file, from the config folder on",
  "log-dir": "write a log file for each variant here",
  "scratch-bucket": "Cloud Build: bucket for sources and logs",
  project: "what $PROJECT_ID stands for",
  variant: "build only this one of variants.yaml",
  "env-passthrough": "variables that become substitutions",
  "version-tag-filter": "Git tags that $_GIT_TAG may be made from",
  region: "Cloud Build: region",
  "machine-type": "Cloud Build: kind of machine",
  "worker-pool": "Cloud Build: private pool",
  "service-account": "Cloud Build: account of the build",
} as const;
const switches = {
  "allow-dirty": "build a working copy with changes",
  "no-source": "steps get an empty workspace",
  "with-git-dir": "steps see .git as well",
  "suppress-logs": "do not show the log",
} as const;

const flags: Readonly<Record<string, Flag>> = {
  ...Object.fromEntries(
    Object.entries(texts).map(([name, means]): [string, Flag] => [name, { kind: "text", means }]),
  ),
  ...Object.fromEntries(
    Object.entries(switches).map(([name, means]): [string, Flag] => [name, { kind: "switch", means }]),
  ),
  "polling-interval": { kind: "number", means: "Cloud Build: seconds between two looks" },
  help: { kind: "switch", means: "show this help" },
  h: { kind: "switch", means: "show this help" },
};

/**
 * A line of image-builder as `waybill build`. Images go where the build file names them, as they did, and the file has to use
 * what it is given; by which engine, nothing in the line says.
 * @throws {UsageError} in image-builder's words without a config folder.
 */
export function translateImageBuilder(line: readonly string[]): Translation | Help {
  const read = readGoFlags(line, flags);
  if (read.switches.get("help") || read.switches.get("h")) {
    const example = "waybill image-builder --project=k8s-staging-foo --env-passthrough=PULL_BASE_REF .";
    return {
      help: `${helpOf("waybill image-builder", "waybill build --push --given-must-match", flags)}\n\nExamples:\n  ${example}`,
    };
  }
  const [configDir, ...others] = read.words;
  if (configDir === undefined) throw new UsageError("expected a config directory to be provided");
  const given = [...read.texts].flatMap(([name, value]) => (value === "" ? [] : [`--${name}`, value]));
  const set = [...read.switches].flatMap(([name, isOn]) => (isOn ? [`--${name}`] : []));
  return {
    command: ["build", "--push", "--given-must-match", ...given, ...set, configDir],
    notices: [...read.notices, ...(others.length === 0 ? [] : [`not read, as ever: ${others.join(" ")}`])],
  };
}
