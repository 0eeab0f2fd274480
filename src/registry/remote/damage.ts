import { retrying, TransientFailure } from "../../http/index.ts";
import type { RegistryError } from "../errors.ts";
import type { RequestKind } from "../events.ts";
import type { HostClient } from "../host/host-client.ts";

/** Attempts after one that brought wrong bytes: bytes that lie there wrong are wrong every time. */
const retries = 2;

/** What to throw within {@link mendingDamage} when bytes may have been damaged on their way. */
export function damage(error: RegistryError): TransientFailure {
  return new TransientFailure(error);
}

/** Does something again, a few times, when it throws {@link damage}; in the end, with the error that was in it. */
export function mendingDamage<Result>(
  client: HostClient,
  kind: RequestKind,
  run: () => Promise<Result>,
): Promise<Result> {
  const options = client.retriesOf(kind);
  const atMost = Math.min(retries, options.retries);
  return retrying(run, () => undefined, { ...options, retries: atMost });
}
