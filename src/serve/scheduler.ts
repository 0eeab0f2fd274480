import { checkAuditLog } from "../access/index.ts";
import { heedComments, trustIn } from "../chatops/index.ts";
import { forgetDeliveries } from "../deliveries/index.ts";
import { forgetHistory, noteAsked, tellEndedRuns } from "../history/index.ts";
import { forgetNotifications, sendDue, tellChanges } from "../notifications/index.ts";
import { forgetReviews, notePullEnded, notePulls, notePullTaken } from "../reviews/index.ts";
import { lookAtHooks, runTriggers, type TriggerEvent } from "../triggers/index.ts";
import { openChat } from "./chat.ts";
import { abortOf, every } from "./every.ts";
import { logProblem } from "./log.ts";
import { sendersOf } from "./senders.ts";
import type { ServerCore } from "./serve.ts";

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
/** Days for which the queue knows runs that have ended; their records are kept by their own rules. */
const endedRunDays = 90;
/** Days after which a delivery that comes once more is taken for a new one. */
const deliveryDays = 30;
/** Days for which it is known what became of images. */
const historyDays = 3 * 365;
/** Milliseconds between two looks at which runs have ended. */
const historyPause = 2_000;
/** Milliseconds between two looks at what is to be told. */
const tellingPause = 5_000;

/** Does until the signal is aborted what one process at least has to do for all: looks at what may start jobs, and keeps order. */
export function schedule(core: ServerCore, url: string, signal: AbortSignal): Promise<void>[] {
  const { options, db, queue, runs } = core;
  const { log, retention } = options;
  const problem = (what: string) => logProblem(log, what);
  return [
    trigger(core, signal),
    queue.supervise({ signal, onProblem: problem("the queue") }),
    queue.setCapacities(options.capacities),
    every(tellingPause, signal, () => tellAndSend(core, url), problem("somebody cannot be told of jobs")),
    every(
      historyPause,
      signal,
      async () => {
        await tellEndedRuns(db, runs);
        await noteAsked(db);
      },
      problem("what a run has done to images cannot be read"),
    ),
    every(minute, signal, () => checkAudit(core), problem("the audit log cannot be checked")),
    every(hour, signal, () => runs.retain(retention), problem("old records cannot be removed")),
    every(day, signal, runs.adopt, problem("earlier records cannot be read")),
    every(
      day,
      signal,
      async () => {
        await queue.forgetEnded(new Date(Date.now() - endedRunDays * day));
        await forgetReviews(db, new Date(Date.now() - endedRunDays * day));
        await forgetDeliveries(db, new Date(Date.now() - deliveryDays * day));
        await forgetHistory(db, new Date(Date.now() - historyDays * day));
        await forgetNotifications(db, new Date(Date.now() - endedRunDays * day));
      },
      problem("old runs cannot be forgotten"),
    ),
  ];
}

/** Decides what is told of jobs, and sends what is due. */
async function tellAndSend({ options, db, queue }: ServerCore, url: string): Promise<void> {
  await tellChanges(db, queue, options.notifications, new Date());
  await sendDue(db, sendersOf(options, url));
}

/** Looks at some more of the audit log; what is wrong with it is said with each look. */
async function checkAudit({ db, options: { log } }: ServerCore): Promise<void> {
  const { fault } = await checkAuditLog(db, new Date());
  if (fault === undefined) return;
  log("error", `the audit log is not what was written: ${fault.message}`, {
    entry: fault.number,
    hint: "find out who has write access to the database, and compare with a backup",
  });
}

async function trigger(core: ServerCore, signal: AbortSignal): Promise<void> {
  const { options, db, queue, jobs, mirrors, members } = core;
  const { environment, settings } = options;
  const { maxMirrorBytes } = settings.serve;
  // What stands where no job is known yet would be taken for what nobody looks at any more.
  await Promise.race([jobs.known, abortOf(signal)]);
  if (signal.aborted) return;
  const { chat, placeOf, projectOf } = openChat(core, signal);
  const { credentialOf, now } = chat;
  const listener = (event: TriggerEvent): void => {
    core.metrics.heardOfTrigger(event);
    tell(core, event);
  };
  const triggers = runTriggers({
    ...{
      db,
      queue,
      jobs: jobs.jobs,
      mirrors,
      maxMirrorBytes,
      environment,
      credentialOf,
      signal,
      projectOf,
      listener,
    },
    notes: {
      seen: (sql, url, pulls) => notePulls(sql, url, pulls, now()),
      taken: notePullTaken,
      ended: (sql, url, number, end) => notePullEnded(sql, url, number, end, now()),
    },
    heed: async (pull) => void (await heedComments(chat, pull)),
    mayRun: async ({ url, project, pull }) =>
      (await trustIn(members.of((await placeOf(url)).forge), project, pull)).isTrusted,
  });
  const { publicUrl, webhooks } = options;
  // Who does not know its own address cannot tell which webhooks lead here.
  if (publicUrl === undefined || webhooks.length === 0) return triggers;
  const hooks = { db, projectOf, listener, now, random: Math.random, signal };
  const prefix = `${publicUrl.origin}/webhooks/`;
  const onProblem = logProblem(options.log, "webhooks cannot be looked at", "warn");
  await Promise.all([triggers, every(minute, signal, () => lookAtHooks(hooks, prefix), onProblem)]);
}

function tell({ options: { log }, jobs }: ServerCore, event: TriggerEvent): void {
  switch (event.type) {
    case "remote-unread":
      // Each delivery has it looked at: what is told again and again is read by nobody.
      if (Math.log2(event.attempts) % 1 !== 0) break;
      log("warn", `${event.url} cannot be read: ${event.failure.message}`, { attempts: event.attempts });
      break;
    case "remote-slow":
      log("warn", `${event.url} does not come to be read`, {
        what: event.what,
        since: event.since.toISOString(),
      });
      break;
    case "remote-read-again":
      log("info", `${event.url} can be read again`, { since: event.since.toISOString() });
      break;
    case "remote-first-seen":
      log("info", `${event.url} is looked at from now on`, { what: event.what, found: event.found });
      break;
    case "tag-moved":
      log("warn", `a tag has moved: ${event.tag.ref} of ${event.url}`, {
        from: event.tag.from,
        to: event.tag.to,
      });
      break;
    case "run-asked-for":
      log("info", `${event.job} is asked for: ${event.cause}`, {
        ...{ run: event.run, outcome: event.outcome },
        held: jobs.jobs().find(({ name }) => name === event.job)?.hold,
      });
      break;
    case "run-retried": {
      const { job, run, failures, since, summary, dueAt } = event;
      const what =
        dueAt === undefined
          ? `${job} has failed for a day, and is not tried again by itself: ${summary}`
          : `${job} is tried again: ${summary}`;
      const more = { failures, since: since.toISOString(), due: dueAt?.toISOString() };
      log(dueAt === undefined ? "error" : "warn", what, { run, ...more });
      break;
    }
    case "deliveries-failed":
      log(
        "warn",
        `${event.url} was not heard of by ${event.count} deliveries that have failed: it is looked at now`,
      );
      break;
    case "hook-off":
      log("warn", `${event.url}: ${event.message}`, { hint: event.hint });
      break;
    case "hook-on":
      log("info", `webhooks of ${event.url} deliver again`);
      break;
    case "trigger-failed":
      log("error", `${event.what}: ${event.failure.message}`, { code: event.failure.code });
  }
}
