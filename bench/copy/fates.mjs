// Which requests are injured, and how. The same seed gives the same requests the same fates, in whatever order they come.
import { createHash } from "node:crypto";

/** Every way to injure a request, with what a client can know of it. */
export const injuries = {
  /** The connection is reset, and the registry has seen nothing of the request. */
  reset: "broken",
  /** The registry has done what it was asked, and the connection is reset instead of the answer. */
  "answer lost": "broken",
  /** The connection is reset in the middle of the request's body, or of the answer's. */
  "reset in request": "broken",
  "reset in answer": "broken",
  /** The connection is closed after a part of the body, as if that had been all. */
  "truncated request": "broken",
  "truncated answer": "broken",
  /** One byte of the body is another one. */
  "corrupted request": "corrupted",
  "corrupted answer": "corrupted",
  500: "server error",
  503: "server error",
  429: "rate limited",
  "429 with Retry-After": "rate limited",
};

const always = ["reset", "answer lost", "500", "503", "429", "429 with Retry-After"];
const inRequests = ["reset in request", "truncated request", "corrupted request"];
const inAnswers = ["reset in answer", "truncated answer"];

/**
 * Gives a function that tells the fate of a request by its method, target and length of its body: `undefined` for most
 * of them, and for a `share` from 0 to 1 of them its `kind`, the part of the body that comes `before` the injury, from
 * 0 to 1, and the bits of a byte to `flip`.
 */
export function openFates(seed, share) {
  const seen = new Map();
  return (method, target, length) => {
    const request = `${method} ${subjectOf(target)}`;
    const number = (seen.get(request) ?? 0) + 1;
    seen.set(request, number);
    const drawn = createHash("sha256").update(`${seed} ${request} ${number}`).digest();
    const chance = (position) => drawn.readUInt32BE(4 * position) / 2 ** 32;
    if (chance(0) >= share) return undefined;
    const kinds = kindsFor(method, target, length);
    return {
      kind: kinds[Math.floor(chance(1) * kinds.length)],
      before: chance(2),
      flip: 1 + (drawn[12] % 255),
    };
  };
}

/** Only what has a digest is corrupted: nobody could tell anything else from what it should have been. */
function kindsFor(method, target, length) {
  if (length > 0) return [...always, ...inRequests];
  if (method !== "GET" || target.includes("/uploads/")) return always;
  const isHashed = /\/(?:manifests|blobs)\/[^/]+$/.test(target);
  return [...always, ...inAnswers, ...(isHashed ? ["corrupted answer"] : [])];
}

/** A target without what is new in every run: the name of an upload, and its state. */
function subjectOf(target) {
  const [path, query = ""] = target.split("?", 2);
  const [, uploads] = /^(.*\/uploads\/)/.exec(path) ?? [];
  if (uploads === undefined) return target;
  const parameters = new URLSearchParams(query);
  return `${uploads}${parameters.get("digest") ?? parameters.get("mount") ?? ""}`;
}
