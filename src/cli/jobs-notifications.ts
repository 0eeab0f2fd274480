import { harmless } from "../errors/index.ts";
import type { NotificationPreview, Telling } from "../notifications/index.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { asJson, deliver } from "./output.ts";
import { withConnection, withServer } from "./server.ts";
import type { Session } from "./session.ts";
import { type Blank, how, type OptionsOf, verb } from "./verb.ts";

const words: readonly Telling[] = ["failing", "still-failing", "recovered", "waiting"];

const define = (command: Blank) =>
  withServer(command)
    .argument("<job>", "the job")
    .addOption(how.common("--jobs-dir <dir>", "folder of job files").default("jobs"))
    .addOption(
      how
        .common("--telling <what>", "what would be told; failing by default")
        .choices(words)
        .default("failing"),
    );

export const jobNotifications = verb({
  name: "notifications",
  summary: "show what would be told of a job, and tell nobody",
  description: "show what would be told of a job, to whom, and in which words; nothing is sent",
  examples: [
    ["waybill jobs notifications post-etcd-promo", "if its next run failed, by the rules of the settings"],
    [
      "waybill jobs notifications promote --telling recovered --server https://waybill.example.org",
      "by the rules of a server",
    ],
  ],
  exits: {
    [exitCodes.asDesired]: "shown, also when nobody would be told",
    [exitCodes.nothingDone]: "there is no such job, or a receiver has no address",
  },
  page: "notifications.md",
  define,
  run,
});

async function run(session: Session, job: string, options: OptionsOf<typeof define>): Promise<ExitCode> {
  const telling = words.find((word) => word === options.telling) ?? "failing";
  const found =
    options.server === undefined
      ? await previewHere(session, job, telling, options.jobsDir)
      : await withConnection(session, options.server, async (server) => {
          const { serverNotifications } = await import("../client/index.ts");
          return serverNotifications(server, job, telling);
        });
  await deliver(session, {
    text: (terminal) => {
      if (found.length === 0) terminal.note(`nobody would be told that ${harmless(job)} is ${telling}`);
      for (const { rule, receiver, to, body } of found) {
        terminal.print(harmless(`${receiver}, by the rule ${rule}: ${to}`));
        for (const line of body.split("\n")) terminal.print(`  ${harmless(line)}`.trimEnd());
      }
    },
    json: () => asJson({ format: "waybill-notifications/1", job, telling, notifications: found }),
  });
  return exitCodes.asDesired;
}

async function previewHere(
  session: Session,
  name: string,
  telling: Telling,
  folder: string,
): Promise<readonly NotificationPreview[]> {
  const { findJob, readJobs } = await import("../jobs/index.ts");
  const { previewNotifications } = await import("../serve/index.ts");
  const { job } = findJob(await readJobs(folder), name);
  return previewNotifications(await session.settings(), session.env, job, telling);
}
