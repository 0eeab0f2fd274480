/** Where the token comes from that a forge is asked with: a token may end while somebody works with it. */
export interface ForgeTokenSource {
  /** The token now. @throws {ForgeError} */
  current(): Promise<string>;
  /** Another one than that which was refused; `undefined` where there is none. @throws {ForgeError} */
  renewed(refused: string): Promise<string | undefined>;
}

/** A token that somebody has given, for as long as it lives. @param again Looks for it once more: it may have been replaced. */
export function givenToken(token: string, again?: () => Promise<string>): ForgeTokenSource {
  let known = token;
  return {
    current: async () => known,
    async renewed(refused) {
      // Of several requests that were refused, the first one looks.
      if (known !== refused) return known;
      known = (await again?.()) ?? known;
      return known === refused ? undefined : known;
    },
  };
}
