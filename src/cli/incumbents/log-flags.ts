import type { Flag } from "./go-flags.ts";

const instead = "Waybill logs to standard error; see --verbose and --quiet";
const nothing = (kind: Flag["kind"]): Flag => ({ kind, means: "a setting of its log", instead });

/** The flags of klog, which `cip-mm` and early versions of `cip` had, and the log level of their successors. */
export const logFlags: Readonly<Record<string, Flag>> = {
  "log-level": { kind: "text", means: "trace, debug, info, warning, error, fatal or panic" },
  v: nothing("number"),
  verbosity: nothing("number"),
  vmodule: nothing("text"),
  logtostderr: nothing("switch"),
  alsologtostderr: nothing("switch"),
  stderrthreshold: nothing("text"),
  "log-dir": nothing("text"),
  "log-file": nothing("text"),
  "log-file-max-size": nothing("number"),
  "log-backtrace-at": nothing("text"),
  "skip-headers": nothing("switch"),
  "skip-log-headers": nothing("switch"),
  "add-dir-header": nothing("switch"),
  "one-output": nothing("switch"),
};

/** The log level in Waybill's words. */
export function verbosityOf(texts: ReadonlyMap<string, string>): readonly string[] {
  const level = texts.get("log-level")?.toLowerCase() ?? "info";
  if (["trace", "debug"].includes(level)) return ["--verbose"];
  if (["warn", "warning", "error", "fatal", "panic"].includes(level)) return ["--quiet"];
  return [];
}
