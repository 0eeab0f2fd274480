import type { SenderOptions } from "../notifications/index.ts";
import { networkOf } from "../work/index.ts";
import type { ServeOptions } from "./options.ts";

/** All that is needed to tell somebody of jobs. @param url The address of the server. */
export function sendersOf(
  {
    settings,
    environment,
    notifications,
    credentialSources,
  }: Pick<ServeOptions, "settings" | "environment" | "notifications" | "credentialSources">,
  url: string,
): SenderOptions {
  return {
    secrets: credentialSources.secrets,
    ...{ settings: notifications, network: networkOf({ settings, environment }), environment },
    ...{ publicUrl: url, pageOf: (run) => `${url}/runs/${run}`, now: () => new Date() },
  };
}
