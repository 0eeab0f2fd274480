import type { Transporter } from "nodemailer";
import { NotificationError } from "../errors.ts";
import type { MailSettings } from "../model.ts";
import type { OutboxEntry, Sent } from "../outbox.ts";
import type { Words } from "../words.ts";

const milliseconds = 20_000;

/** A message of mail, as nodemailer takes it. Nothing of it is made of texts that could be more than one line. */
export function mailOf(
  { id, telling, jobs }: Pick<OutboxEntry, "id" | "telling" | "jobs">,
  { title, lines, more }: Words,
  { from }: Pick<MailSettings, "from">,
  to: readonly string[],
) {
  const domain = from.slice(from.lastIndexOf("@") + 1);
  const text = [
    title,
    "",
    ...lines.map((line) => `${line.text}\n  ${line.url}`),
    ...(more > 0 ? [`and ${more} more`] : []),
  ].join("\n");
  // All that is told of one trouble makes a thread: what began it, what reminds of it, what ends it.
  const thread = `<run-${jobs[0]?.run ?? id}@${domain}>`;
  return {
    from: { name: "Waybill", address: from },
    to: to.map((address) => ({ name: "", address })),
    subject: title.slice(0, 200),
    text,
    messageId: `<${id}@${domain}>`,
    ...(telling === "waiting" ? {} : { inReplyTo: thread, references: thread }),
    headers: { "Auto-Submitted": "auto-generated", Precedence: "bulk" },
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

/** What is one address and nothing else. */
export function isAddress(text: string): boolean {
  return text.length <= 254 && /^[^\s@<>(),;:"\\[\]\p{Cc}]+@[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/iu.test(text);
}

/** Opens the way to a mail server. Connections are encrypted, unless the settings say that the server is on this machine. */
export async function openMail(mail: MailSettings, password: string | undefined): Promise<Transporter> {
  const { createTransport } = await import("nodemailer");
  const { host, port, security, user } = mail;
  return createTransport({
    ...{ host, port, secure: security === "tls", requireTLS: security === "starttls" },
    ignoreTLS: security === "none",
    auth: user === undefined ? undefined : { user, pass: password ?? "" },
    ...{ connectionTimeout: milliseconds, greetingTimeout: milliseconds, socketTimeout: milliseconds },
    ...{ disableFileAccess: true, disableUrlAccess: true },
  });
}

/** Sends a message. Never throws: what went wrong is the answer, without what the server said beside its code. */
export async function sendMail(
  transport: Pick<Transporter, "sendMail">,
  message: ReturnType<typeof mailOf>,
  host: string,
): Promise<Sent> {
  try {
    await transport.sendMail(message);
    return { state: "sent" };
  } catch (error) {
    if (error instanceof NotificationError) return { state: "again", failure: error.message };
    const { responseCode, code } = error as { responseCode?: unknown; code?: unknown };
    const isRefused = typeof responseCode === "number" && responseCode >= 500 && code !== "EAUTH";
    const failure = `${host} ${typeof responseCode === "number" ? `answers with ${responseCode}` : `cannot be reached: ${typeof code === "string" ? code : "no answer"}`}`;
    return { state: isRefused ? "failed" : "again", failure };
  }
}
