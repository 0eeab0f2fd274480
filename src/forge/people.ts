import { ForgeError } from "./errors.ts";

/** Whether it may be the name of a user, an organization or a team: it goes into the path of a request. */
export function isName(text: string): boolean {
  return /^[A-Za-z0-9_][\w.-]{0,254}(?:\[bot\])?$/.test(text);
}

/** The answer, or `undefined` where the forge knows no such thing. */
export async function unlessNotFound<Answer>(asked: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof ForgeError && error.code === "not-found") return undefined;
    throw error;
  }
}

/** The answer, or `undefined` where the token may not know it. */
export async function unlessHidden<Answer>(asked: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof ForgeError && error.code === "forbidden") return undefined;
    throw error;
  }
}
