// Requests by kind, from the access log of docker-registry.
import { open, stat } from "node:fs/promises";

/** Kinds in the order in which reports show them. */
const kinds = [
  "ping",
  "tags",
  "manifest HEAD",
  "manifest GET",
  "manifest PUT",
  "blob HEAD",
  "blob GET",
  "mount POST",
  "upload POST",
  "upload PATCH",
  "upload PUT",
  "other",
];

/** The kind of a request by its method and what stood in its first line as the path. */
export function kindOf(method, target) {
  const [path, query = ""] = target.split("?", 2);
  if (path === "/v2/" || path === "/v2") return "ping";
  if (path.endsWith("/tags/list")) return "tags";
  if (path.includes("/blobs/uploads/")) {
    if (method === "POST") return query.includes("mount=") ? "mount POST" : "upload POST";
    return method === "PATCH" || method === "PUT" ? `upload ${method}` : "other";
  }
  const subject = /\/(manifest|blob)s\/[^/]+$/.exec(path)?.[1];
  const known = `${subject} ${method}`;
  return kinds.includes(known) ? known : "other";
}

const line = /"([A-Z]+) (\S+) HTTP\/[\d.]+" (\d{3}) (\d+)/;

/** What a registry was asked since its log had so many bytes: requests by kind, and the statuses that are refusals. */
export async function readAccessLog(file, from = 0) {
  const requests = {};
  let refused = 0;
  for (const text of (await readFrom(file, from)).split("\n")) {
    const [, method, target, status] = line.exec(text) ?? [];
    if (method === undefined) continue;
    const kind = kindOf(method, target);
    requests[kind] = (requests[kind] ?? 0) + 1;
    if (Number(status) === 429) refused += 1;
  }
  return { requests, refused };
}

export async function lengthOf(file) {
  return (await stat(file)).size;
}

export function total(requests) {
  return Object.values(requests).reduce((sum, count) => sum + count, 0);
}

async function readFrom(file, from) {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    const bytes = Buffer.alloc(Math.max(0, size - from));
    await handle.read(bytes, 0, bytes.length, from);
    return bytes.toString();
  } finally {
    await handle.close();
  }
}
