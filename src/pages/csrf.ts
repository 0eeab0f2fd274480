import { createHash, timingSafeEqual } from "node:crypto";

/**
 * What the forms of a browser hold: made of its cookies, which no page of somebody else's can read, so that it need not be kept. It
 * gives nothing of them away.
 */
export function csrfOf(request: Request): string {
  const cookies = request.headers.get("cookie") ?? "";
  const session = /(?:^|;\s*)__Host-waybill=([\w-]+)/.exec(cookies)?.[1] ?? "";
  return createHash("sha256").update(`form of a page\n${session}`).digest("base64url");
}

/** Whether a form was one of ours, for the browser that has sent it. */
export function isOwnForm(request: Request, sent: string | undefined): boolean {
  const [own, other] = [Buffer.from(csrfOf(request)), Buffer.from(sent ?? "")];
  return own.length === other.length && timingSafeEqual(own, other);
}
