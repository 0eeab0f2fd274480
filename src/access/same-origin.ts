/** What a browser says of where a request comes from. */
export interface RequestSource {
  readonly method: string;
  /** `Sec-Fetch-Site`: browsers send it to https and localhost, and no page can change it. */
  readonly fetchSite: string | undefined;
  readonly origin: string | undefined;
}

/**
 * Whether a request that shows a session's cookie was sent by a page of this server's, or by its user, and not by a page of somebody
 * else's that the user looks at. Where the browser says nothing of it, it was not: those who are no browsers have tokens.
 * @param ownOrigin Of the address that is configured as the public one; what a request says of its host is anybody's word.
 */
export function isOwnRequest({ method, fetchSite, origin }: RequestSource, ownOrigin: string): boolean {
  if (method === "GET" || method === "HEAD" || method === "OPTIONS") return true;
  if (fetchSite !== undefined) return fetchSite === "same-origin" || fetchSite === "none";
  return origin === ownOrigin;
}
