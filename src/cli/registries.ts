import type { Registries, RegistryEvent, RegistryListener } from "../registry/index.ts";
import { amount } from "./amount.ts";
import type { Session } from "./session.ts";
import type { Terminal } from "./terminal.ts";

/**
 * The registries as the settings, the environment and the user's credential files describe them. Closing them says
 * how many requests they took: quotas are what limits large promotions.
 */
export async function openRegistriesFor(
  session: Session,
  say: (text: string) => void = session.terminal.note,
): Promise<Registries> {
  const { openCredentials, openRegistries } = await import("../registry/index.ts");
  const { env: environment, terminal } = session;
  const settings = await session.settings();
  for (const [host, { tls }] of Object.entries(settings.hosts)) {
    if (tls?.insecure) terminal.warn(`${host}: any certificate is accepted, as the settings ask`);
  }
  const requests = new Map<RegistryEvent["kind"], number>();
  const registries = openRegistries({
    settings,
    credentials: openCredentials({ settings, environment }),
    environment,
    listener: listenerOf(terminal, requests),
  });
  return {
    ...registries,
    close: async () => {
      await registries.close();
      const total = [...requests.values()].reduce((sum, count) => sum + count, 0);
      const kinds = [...requests].map(([kind, count]) => `${count} ${kind}`);
      if (total > 0) say(`${amount(total, "request")} (${kinds.join(", ")})`);
    },
  };
}

function listenerOf(terminal: Terminal, requests: Map<RegistryEvent["kind"], number>): RegistryListener {
  return (event) => {
    if (event.type === "retry") {
      const { host, kind, reason, attempt, waitMilliseconds } = event;
      const seconds = (waitMilliseconds / 1000).toFixed(1);
      const text = `${host}: ${kind} failed (${reason}); attempt ${attempt + 1} in ${seconds} s`;
      // A line in the middle of a bar helps nobody: what comes of it is in the report.
      if (terminal.canvas === undefined) terminal.note(text);
      return;
    }
    requests.set(event.kind, (requests.get(event.kind) ?? 0) + 1);
    const { status, method, host, kind, milliseconds } = event;
    terminal.detail(`${status} ${method} ${host} ${kind} ${milliseconds.toFixed(0)} ms`);
  };
}
