import { setTimeout as sleep } from "node:timers/promises";
import { jsonIn } from "../oci/index.ts";
import { ClientError } from "./errors.ts";
import { eventsIn } from "./events.ts";
import type { Server } from "./server.ts";

/** Attempts in a row that bring nothing. */
const maxAttempts = 5;
/** What is answered in front of a server that stops, or starts: that of a proxy need not be in the words of a server. */
const passing: ReadonlySet<number | undefined> = new Set([502, 503, 504]);

/** Follows a log until its run has ended; where the connection breaks, it goes on behind the last byte that came. */
export async function* followLog(server: Server, id: string): AsyncIterable<Uint8Array> {
  const encoder = new TextEncoder();
  let from = "0";
  for (let attempt = 1; ; attempt += 1) {
    try {
      const headers = { accept: "text/event-stream", "last-event-id": from };
      for await (const { event, id: offset, data } of eventsIn(
        await server.stream(`/runs/${id}/log/events`, headers),
      )) {
        attempt = 0;
        if (event === "end") return;
        if (event === "skipped") yield encoder.encode(`\n[${data} bytes are left out]\n`);
        const text = event === "log" ? jsonIn(data) : undefined;
        if (typeof text === "string") yield encoder.encode(text);
        from = offset ?? from;
      }
    } catch (error) {
      const mayPass =
        error instanceof ClientError && (error.code === "server-unreachable" || passing.has(error.status));
      if (!mayPass || attempt >= maxAttempts) throw error;
    }
    // It was cut off, or the server stops: another one may be there.
    await sleep(attempt * 500);
  }
}
