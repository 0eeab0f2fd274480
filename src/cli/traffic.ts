import type { Traffic } from "../promotion/index.ts";
import { amount } from "./amount.ts";
import { formatBytes } from "./progress-tally.ts";

/** In a line, what a run carried and which failures it mended; `undefined` when there is nothing to say. */
export function trafficInWords({ hosts }: Traffic): string | undefined {
  const all = Object.values(hosts);
  const read = sum(all.map(({ bytesRead }) => bytesRead));
  const sent = sum(all.map(({ bytesSent }) => bytesSent));
  const receivers = all.filter(({ bytesSent }) => bytesSent > 0).length;
  const faults = new Map<string, number>();
  for (const host of all) {
    for (const [fault, count] of Object.entries(host.faults)) {
      faults.set(fault, (faults.get(fault) ?? 0) + count);
    }
  }
  const parts: string[] = [];
  if (sent > 0)
    parts.push(`read ${formatBytes(read)}, sent ${formatBytes(sent)} to ${amount(receivers, "host")}`);
  if (faults.size > 0) {
    const kinds = [...faults].map(([fault, count]) => `${count} ${fault}`).join(", ");
    parts.push(`tried again after ${amount(sum([...faults.values()]), "failure")} (${kinds})`);
  }
  return parts.length === 0 ? undefined : parts.join("; ");
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
