import type { Run } from "../runs/index.ts";
import { maskSecrets } from "./masking.ts";

/** Takes whole lines of a run, hides secrets in them, and gives them to its record and to whoever looks on. */
export function logSink(
  run: Run,
  secrets: Iterable<string>,
  onLog: (line: Uint8Array, build?: string) => void,
): (line: Uint8Array, build?: string) => void {
  const mask = maskSecrets([...secrets]);
  return (line, build) => {
    const clean = mask.line(line);
    run.log(clean);
    onLog(clean, build);
  };
}
