import * as z from "zod/mini";
import type { AuditVerdict } from "../access/index.ts";
import type { Server } from "./server.ts";

const verdictSchema = z.object({
  entries: z.int(),
  head: z.optional(z.object({ number: z.int(), hash: z.string() })),
  fault: z.optional(
    z.object({
      number: z.int(),
      kind: z.enum(["changed", "missing", "reordered", "cut off"]),
      message: z.string(),
    }),
  ),
});

/** What a server finds of its own log of who did what. @param head A noted end, as it was printed. @throws {ClientError}. */
export async function auditVerdict(server: Server, head: string | undefined): Promise<AuditVerdict> {
  const query = head === undefined ? "" : `?${new URLSearchParams({ head })}`;
  const { entries, head: end, fault } = await server.get(`/audit-log/verdict${query}`, verdictSchema);
  return { entries, head: end, fault };
}
