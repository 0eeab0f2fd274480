import type { Comment } from "./forge.ts";

/**
 * Writes the comment that holds a marker anew, or a first one. Only one of our own: anybody can write a marker, and nobody's words are
 * written over. What says the same already is left alone.
 * @param write Writes the comment of an id anew, or a new one.
 */
export async function putComment(
  comments: readonly Comment[],
  user: string,
  marker: string,
  body: string,
  write: (id: string | undefined, body: string) => Promise<Comment>,
): Promise<Comment> {
  const text = body.includes(marker) ? body : `${body}\n\n${marker}`;
  const own = comments.find(
    ({ author, body: written }) => author.toLowerCase() === user.toLowerCase() && written.includes(marker),
  );
  return own?.body === text ? own : write(own?.id, text);
}
