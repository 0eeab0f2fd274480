import type { Job } from "../jobs/index.ts";
import {
  type NotificationPreview,
  noNotifications,
  notificationsShape,
  previewTelling,
  type SenderOptions,
  type Telling,
} from "../notifications/index.ts";
import { openCredentialSources } from "../registry/index.ts";
import type { Settings } from "../settings/index.ts";
import { networkOf } from "../work/index.ts";
import type { ServeOptions } from "./options.ts";
import { sectionOf, usualUrl } from "./settle.ts";

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

/** What would be told of a job, as it is now; nothing is sent. @throws {NotificationError} */
export function previewOf(
  senders: SenderOptions,
  { name: job, contact = [], notify: { failures, to = [] } = {} }: Job,
  telling: Telling,
): Promise<readonly NotificationPreview[]> {
  return previewTelling(senders, { job, contact, failures, to }, telling);
}

/**
 * What a server with these settings would tell of a job, to whom, and in which words: nothing is sent.
 * @throws {SettingsError}, {@link NotificationError} for a receiver that cannot be told anything.
 */
export async function previewNotifications(
  settings: Settings,
  environment: NodeJS.ProcessEnv,
  job: Job,
  telling: Telling,
): Promise<readonly NotificationPreview[]> {
  const { serve } = settings;
  const notifications = sectionOf(serve.notifications, notificationsShape, noNotifications);
  const credentialSources = openCredentialSources({ settings, environment });
  const senders = sendersOf(
    { settings, environment, notifications, credentialSources },
    serve.publicUrl ?? usualUrl,
  );
  return previewOf(senders, job, telling);
}
