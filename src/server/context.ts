import type { Context } from "hono";
import type { Identified } from "../access/index.ts";
import type { RequestOrigin, ServerParts } from "./model.ts";

/** What is known of a request while it is answered. */
export interface Env {
  readonly Bindings: RequestOrigin;
  readonly Variables: { requestId: string; identified: Identified; address: string };
}

/** A request to this server. */
export type Asking = Context<Env>;

/** The time, as this server has it. */
export function timeOf({ now }: ServerParts): Date {
  return now?.() ?? new Date();
}

/** From where a request comes, as far as it is known; only the word of proxies that the settings name is taken for it. */
export function addressOf(asking: Asking): string {
  return asking.get("address");
}
