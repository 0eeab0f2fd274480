/**
 * A URL of a repository without the password in it: people clone from `https://user:token@host/path`, and what is recorded
 * or shown must not know. By HTTP the user goes too, because some forges take a token for it.
 */
export function withoutPassword(url: string): string {
  return url.replace(/^(https?:\/\/)[^@/]*@/, "$1").replace(/^(\w+:\/\/[^:@/]+):[^@/]*@/, "$1@");
}
