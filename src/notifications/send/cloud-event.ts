import type { Notification } from "../model.ts";
import { type Words, wordsOf } from "../words.ts";

/** Receivers take up to 20 kB gladly (Standard Webhooks, "Payload size"). */
const maxJobs = 50;

/**
 * A notification as CloudEvents 1.0 in its structured form (`application/cloudevents+json`).
 * @param source The address of the server.
 */
export function cloudEventOf(
  notification: Notification,
  source: string,
  pageOf: (run: string) => string,
): string {
  const { id, telling, cause, jobs, at } = notification;
  const { title }: Words = wordsOf(notification, pageOf);
  const [first] = jobs;
  return JSON.stringify({
    ...{ specversion: "1.0", id, source, type: `dev.waybill.job.${telling}.v1`, time: at },
    subject: jobs.length === 1 ? first?.job : `${jobs.length} jobs`,
    datacontenttype: "application/json",
    data: {
      ...{ title, cause },
      jobs: jobs
        .slice(0, maxJobs)
        .map(({ summary, ...job }) => ({ ...job, summary: summary.slice(0, 200), url: pageOf(job.run) })),
      more: Math.max(0, jobs.length - maxJobs),
    },
  });
}
