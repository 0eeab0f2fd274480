import { UsageError } from "../failure.ts";
import { type Flag, type Help, helpFlags, helpOf, readGoFlags, type Translation } from "./go-flags.ts";

const text = (means: string): Flag => ({ kind: "text", means });
const toggle = (means: string): Flag => ({ kind: "switch", means });

const flags: Readonly<Record<string, Flag>> = {
  "build-dir": text("folder to build from; the config folder by default"),
  "gcb-config": text("build file, from the config folder on"),
  "log-dir": text("write a log file for each variant here"),
  "scratch-bucket": text("Cloud Build: bucket for sources and logs"),
  project: text("what $PROJECT_ID stands for"),
  variant: text("build only this one of variants.yaml"),
  "env-passthrough": text("variables that become substitutions"),
  "version-tag-filter": text("Git tags that $_GIT_TAG may be made from"),
  region: text("Cloud Build: region"),
  "machine-type": text("Cloud Build: kind of machine"),
  "worker-pool": text("Cloud Build: private pool"),
  "service-account": text("Cloud Build: account of the build"),
  "allow-dirty": toggle("build a working copy with changes"),
  "no-source": toggle("steps get an empty workspace"),
  "with-git-dir": toggle("steps see .git as well"),
  "suppress-logs": toggle("do not show the log"),
  "polling-interval": { kind: "number", means: "Cloud Build: seconds between two looks" },
  ...helpFlags,
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
