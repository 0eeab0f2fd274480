import { z } from "@hono/zod-openapi";
import { timeSchema } from "./schemas.ts";

const processSchema = z
  .object({
    id: z.string(),
    name: z.string().openapi({ description: "Of its machine." }),
    pid: z.int().optional().openapi({ description: "For an admin." }),
    version: z.string(),
    roles: z.array(z.enum(["web", "scheduler", "worker"])),
    address: z.string().optional().openapi({ description: "For an admin: where it listens." }),
    begunAt: timeSchema,
    seenAt: timeSchema,
    state: z.enum(["running", "draining", "lost"]),
    unready: z.string().optional().openapi({ description: "Why it is given no requests." }),
  })
  .openapi("ServerProcess");

const retentionSchema = z.object({
  job: z.string().optional().openapi({ description: "All that no rule before names, when left out." }),
  maxDays: z.number().optional(),
  maxRuns: z.number().optional(),
  maxBytes: z.number().optional(),
});

const auditCheckSchema = z.object({
  at: timeSchema.openapi({ description: "When entries were looked at last." }),
  until: z.int().optional().openapi({ description: "The last entry that this round has looked at." }),
  doneAt: timeSchema.optional().openapi({ description: "When this round has come to the end of the log." }),
  whole: z
    .object({ at: timeSchema, until: z.int() })
    .optional()
    .openapi({ description: "When the log was last found to be whole, and up to which entry." }),
  fault: z.object({ number: z.int(), kind: z.string(), message: z.string() }).optional(),
});

/** How far the server has checked its audit log, as the API has it. */
export type AuditCheckDocument = z.infer<typeof auditCheckSchema>;

export const serverSchema = z
  .object({
    version: z.string(),
    publicUrl: z.string(),
    ready: z.boolean(),
    why: z.string().optional().openapi({ description: "Why it is not ready, as /readyz says." }),
    database: z.object({
      kind: z.enum(["pglite", "postgres"]),
      version: z.string(),
      bytes: z.number(),
      migrations: z.array(z.string()).openapi({ description: "Steps of the schema, in their order." }),
      migratedAt: timeSchema.optional(),
      where: z.string().optional().openapi({ description: "For an admin; without its password." }),
    }),
    records: z.object({
      retention: z.array(retentionSchema),
      where: z.string().optional().openapi({ description: "For an admin." }),
    }),
    concurrency: z.int().openapi({ description: "Runs that a process carries out at the same time." }),
    capacities: z.record(z.string(), z.int()),
    drainSeconds: z.number(),
    graceSeconds: z.number(),
    processes: z.array(processSchema),
    auditCheck: auditCheckSchema.optional().openapi({ description: "For an admin." }),
  })
  .openapi("Server");

/** The server itself, as the API has it. */
export type ServerDocument = z.infer<typeof serverSchema>;

const credentialSchema = z.object({
  repository: z.string(),
  kind: z.enum(["password", "helper", "identity", "anonymous"]),
  identity: z
    .string()
    .optional()
    .openapi({ description: "The user, the name of the helper, or that of the identity." }),
  from: z.string().optional().openapi({ description: "Where the secret is kept; never what it is." }),
  use: z.enum(["all", "reading", "job"]),
  job: z.string().optional(),
  where: z.string().optional().openapi({ description: "FILE:LINE of the rule." }),
});

export const destinationSchema = z
  .object({
    host: z.string(),
    isConfigured: z.boolean().openapi({ description: "The settings say something of it." }),
    limits: z.object({
      concurrency: z.int().optional(),
      requestsPerSecond: z.number().optional(),
      retries: z.int().optional(),
      http: z.boolean().optional(),
    }),
    quotas: z
      .array(z.object({ requests: z.number(), seconds: z.number(), kinds: z.array(z.string()).optional() }))
      .openapi({ description: "What is kept to: those of the settings, or what its provider publishes." }),
    seenAt: timeSchema.optional().openapi({ description: "When runs last heard of it." }),
    status: z.int().optional().openapi({ description: "Of its last answer." }),
    requests: z.int(),
    throttled: z.int().openapi({ description: "Requests that it found to be too many (429)." }),
    throttledAt: timeSchema.optional(),
    pausedSeconds: z.number().openapi({ description: "Pauses that it demanded, in all." }),
    learnt: z
      .object({ requestsPerSecond: z.number(), at: timeSchema })
      .optional()
      .openapi({ description: "What it was found to take." }),
    refused: z.object({ status: z.int(), at: timeSchema }).optional(),
    away: z.object({ message: z.string(), at: timeSchema }).optional(),
    credential: z
      .object({ source: z.string(), at: timeSchema })
      .optional()
      .openapi({ description: "For an admin: where what it was last shown comes from." }),
    credentials: z.array(credentialSchema).optional().openapi({ description: "For an admin: the rules." }),
  })
  .openapi("Destination");

/** A registry that runs ask, as the API has it. */
export type DestinationDocument = z.infer<typeof destinationSchema>;

export const receiverSchema = z
  .object({
    name: z.string(),
    kind: z.enum(["webhook", "slack", "teams", "email"]),
    to: z.array(z.string()).openapi({ description: "Addresses of mail; all others are secrets." }),
    rules: z.array(z.string()),
    last: z
      .object({
        at: timeSchema,
        state: z.enum(["waiting", "sent", "failed"]),
        failure: z.string().optional(),
      })
      .optional(),
    sentAt: timeSchema.optional(),
    waiting: z.int(),
    off: z.object({ since: timeSchema, reason: z.string() }).optional(),
  })
  .openapi("Receiver");

/** Whom something is told, as the API has it. */
export type ReceiverDocument = z.infer<typeof receiverSchema>;

/** What a server knows of itself and its settings, for pages and programs; nothing of it is a secret. */
export interface ServedState {
  server(): Promise<Omit<ServerDocument, "version" | "publicUrl" | "ready" | "why">>;
  destinations(): Promise<readonly DestinationDocument[]>;
  receivers(): Promise<readonly ReceiverDocument[]>;
}
