import { createHash } from "node:crypto";
import { isWaybillError } from "../../errors/index.ts";
import type { Network } from "../../http/index.ts";
import { isLoopbackHost } from "../../http/index.ts";
import { localSecrets, type Secrets } from "../../secrets/index.ts";
import { signStandard } from "../../webhooks/index.ts";
import { NotificationError } from "../errors.ts";
import type { MailSettings, Notification, NotificationSettings, Receiver } from "../model.ts";
import type { Sent } from "../outbox.ts";
import { readSecret } from "../secret.ts";
import { wordsOf } from "../words.ts";
import { slackMessage, teamsMessage } from "./chat.ts";
import { cloudEventOf } from "./cloud-event.ts";
import { isAddress, mailOf, openMail, sendMail } from "./mail.ts";
import { type Post, post } from "./post.ts";

/** All that is needed to tell somebody something. */
export interface SenderOptions {
  readonly settings: NotificationSettings;
  readonly network: Network;
  readonly environment: NodeJS.ProcessEnv;
  /** Where addresses and secrets are; files and variables alone without it. */
  readonly secrets?: Secrets | undefined;
  /** The address of the server. */
  readonly publicUrl: string;
  readonly pageOf: (run: string) => string;
  readonly now: () => Date;
}

/** A message that is ready to be sent. */
export interface Prepared {
  /** Where it goes, without what is secret of it. */
  readonly to: string;
  /** What the receiver is known by; another one once its address is another. Nobody learns the address from it. */
  readonly mark: string;
  readonly body: string;
  send(): Promise<Sent>;
}

/**
 * Makes the message of a notification for one receiver, ready to be sent.
 * @param receiver a name of the settings, or an address of mail as `mailto:`.
 * @throws {NotificationError} when the receiver, its address or its secret is not there.
 */
export async function prepare(
  options: SenderOptions,
  receiver: string,
  notification: Notification,
): Promise<Prepared> {
  const { settings } = options;
  if (receiver.startsWith("mailto:")) {
    return prepareMail(options, [receiver.slice("mailto:".length)], notification);
  }
  const found = settings.receivers.find(({ name }) => name === receiver);
  if (found === undefined) {
    throw new NotificationError("no-receiver", `there is no receiver ${receiver}`, {
      hint: "name it in the settings, below notifications: receivers",
    });
  }
  return found.kind === "email"
    ? prepareMail(options, found.to, notification)
    : preparePost(options, found, notification);
}

async function preparePost(
  options: SenderOptions,
  receiver: Exclude<Receiver, { readonly kind: "email" }>,
  notification: Notification,
): Promise<Prepared> {
  const { network, now, publicUrl, pageOf } = options;
  const kept = secretsOf(options);
  const url = addressOf(await readSecret(receiver.url, kept), receiver.name);
  const shared = { url, allowPrivateAddresses: receiver.allowPrivateAddresses === true };
  let message: Post;
  if (receiver.kind === "webhook") {
    const secrets = await Promise.all(receiver.secrets.map((place) => readSecret(place, kept)));
    const body = cloudEventOf(notification, publicUrl, pageOf);
    const timestamp = Math.floor(now().getTime() / 1000);
    const headers = {
      "content-type": "application/cloudevents+json",
      ...signStandard(secrets, { id: notification.id, timestamp, body }),
    };
    message = { ...shared, headers, body, gone: [410] };
  } else {
    const words = wordsOf(notification, pageOf);
    const body = receiver.kind === "slack" ? slackMessage(words) : teamsMessage(words);
    // Slack says so of a webhook that was removed, and of a channel that may not be written to any more.
    const gone = receiver.kind === "slack" ? [403, 404, 410] : [410];
    message = { ...shared, headers: { "content-type": "application/json" }, body, gone };
  }
  return {
    ...{ to: `${receiver.kind} at ${url.host}`, mark: markOf(url.href), body: message.body },
    send: () => post(network, message),
  };
}

function secretsOf({ environment, secrets = localSecrets(environment) }: SenderOptions): Secrets {
  return secrets;
}

function addressOf(text: string, name: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isSafe = url?.protocol === "https:" || (url?.protocol === "http:" && isLoopbackHost(url.hostname));
  if (url !== undefined && isSafe && url.username === "" && url.password === "") return url;
  throw new NotificationError("no-receiver", `the address of the receiver ${name} cannot be used`, {
    hint: "it begins with https:// and has no user in it",
  });
}

async function prepareMail(
  options: SenderOptions,
  to: readonly string[],
  notification: Notification,
): Promise<Prepared> {
  const {
    settings: { mail },
    pageOf,
  } = options;
  const wrong = to.find((address) => !isAddress(address));
  if (wrong !== undefined || to.length === 0) {
    throw new NotificationError("no-receiver", `${JSON.stringify(wrong ?? "")} is no address of mail`);
  }
  if (mail === undefined) {
    throw new NotificationError("no-receiver", "no server sends mail here", {
      hint: "name one in the settings, below notifications: mail",
    });
  }
  const message = mailOf(notification, wordsOf(notification, pageOf), mail, to);
  return {
    ...{
      to: `mail to ${to.join(", ")}`,
      mark: markOf(to.join(",")),
      body: `${message.subject}\n\n${message.text}`,
    },
    send: () => sendBy(mail, secretsOf(options), message),
  };
}

async function sendBy(mail: MailSettings, kept: Secrets, message: ReturnType<typeof mailOf>): Promise<Sent> {
  try {
    const password = mail.password === undefined ? undefined : await readSecret(mail.password, kept);
    const transport = await openMail(mail, password);
    try {
      return await sendMail(transport, message, mail.host);
    } finally {
      transport.close();
    }
  } catch (error) {
    return { state: "again", failure: isWaybillError(error) ? error.message : "mail cannot be sent" };
  }
}

function markOf(address: string): string {
  return createHash("sha256").update(address).digest("hex").slice(0, 32);
}
