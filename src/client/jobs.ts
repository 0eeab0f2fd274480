import * as z from "zod/mini";
import { type AskedDocument, askedSchema } from "./documents.ts";
import type { Server } from "./server.ts";

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

const listSchema = z.object({
  where: z.string(),
  commit: z.optional(z.string()),
  jobs: z.array(jobSchema).check(z.maxLength(100_000)),
  problems: z.array(problemSchema),
  trouble: z.optional(z.object({ message: z.string(), hint: z.string() })),
});

/** The jobs of a server as they are now, and what is wrong with their files. */
export type ServerJobs = z.output<typeof listSchema>;

/** The jobs of a server. @throws {ClientError}. */
export function serverJobs(server: Server): Promise<ServerJobs> {
  return server.get("/jobs", listSchema);
}

/** Runs a job of a server by hand. @throws {ClientError}. */
export function startJob(server: Server, name: string, ref: string | undefined): Promise<AskedDocument> {
  return server.post(`/jobs/${encodeURIComponent(name)}/runs`, { ref }, askedSchema);
}
