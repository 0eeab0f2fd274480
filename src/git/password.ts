/**
 * A URL of a repository without the password in it: people clone from `https://user:token@host/path`, and what is recorded
 * or shown must not know. By HTTP the user goes too, because some forges take a token for it, and so does what follows a
 * question mark.
 */
export function withoutPassword(url: string): string {
  // A password may have an @ that nobody has written as %40: it ends where the last one stands.
  return url
    .replace(/^(https?:\/\/)[^/]*@/i, "$1")
    .replace(/^(https?:[^?#]*)[?#].*$/is, "$1")
    .replace(/^([\w+.-]+:\/\/[^:@/]*):[^/]*@/, "$1@");
}
