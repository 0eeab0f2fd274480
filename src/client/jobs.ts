import * as z from "zod/mini";
import { type AskedDocument, askedSchema } from "./documents.ts";
import type { Server } from "./server.ts";

/** Jobs of a page. */
const maxPage = 500;

const jobSchema = z.object({
  job: z.looseObject({ name: z.string(), repo: z.string() }),
  file: z.string(),
  line: z.int(),
  next: z.optional(z.string()),
});

const problemSchema = z.object({
  file: z.string(),
  line: z.int(),
  column: z.int(),
  severity: z.enum(["error", "warning", "info"]),
  message: z.string(),
  hint: z.optional(z.string()),
  job: z.optional(z.string()),
});

const pageSchema = z.object({
  items: z.array(jobSchema).check(z.maxLength(maxPage)),
  next: z.optional(z.string()),
});

const sourceSchema = z.object({
  where: z.string(),
  commit: z.optional(z.string()),
  problems: z.array(problemSchema),
  trouble: z.optional(z.object({ message: z.string(), hint: z.string() })),
});

/** The jobs of a server as they are now, and what is wrong with their files. */
export interface ServerJobs extends z.output<typeof sourceSchema> {
  readonly jobs: readonly z.output<typeof jobSchema>[];
}

/** The jobs of a server, in the order of their files. @throws {ClientError}. */
export async function serverJobs(server: Server): Promise<ServerJobs> {
  const source = await server.get("/job-source", sourceSchema);
  const jobs: z.output<typeof jobSchema>[] = [];
  let after: string | undefined;
  do {
    const query = new URLSearchParams({ limit: String(maxPage) });
    if (after !== undefined) query.set("after", after);
    const page = await server.get(`/jobs?${query}`, pageSchema);
    jobs.push(...page.items);
    after = page.next;
  } while (after !== undefined);
  const inFiles = jobs.sort((one, other) =>
    one.file === other.file ? one.line - other.line : one.file < other.file ? -1 : 1,
  );
  return { ...source, jobs: inFiles };
}

const previewsSchema = z.object({
  items: z.array(z.object({ rule: z.string(), receiver: z.string(), to: z.string(), body: z.string() })),
});

/** What a server would tell of a job, to whom, and in which words. @throws {ClientError}. */
export async function serverNotifications(
  server: Server,
  name: string,
  telling: string,
): Promise<z.output<typeof previewsSchema>["items"]> {
  const query = new URLSearchParams({ telling });
  const path = `/jobs/${encodeURIComponent(name)}/notifications?${query}`;
  return (await server.get(path, previewsSchema)).items;
}

/** Runs a job of a server by hand. @throws {ClientError}. */
export function startJob(server: Server, name: string, ref: string | undefined): Promise<AskedDocument> {
  return server.post(`/jobs/${encodeURIComponent(name)}/runs`, { ref }, askedSchema);
}
