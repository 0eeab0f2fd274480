import type { Comment } from "./forge.ts";

/** What a forge can do with comments of one pull request. */
export interface CommentBox {
  list(): Promise<readonly Comment[]>;
  post(body: string): Promise<Comment>;
  edit(id: string, body: string): Promise<Comment>;
}

/**
 * Writes the comment that holds a marker anew, or a first one. Only one of our own: anybody can write a marker, and nobody's words are
 * written over. What says the same already is left alone.
 */
export async function putComment(
  box: CommentBox,
  user: string,
  marker: string,
  body: string,
): Promise<Comment> {
  const text = body.includes(marker) ? body : `${body}\n\n${marker}`;
  const own = (await box.list()).find(
    (comment) => comment.author.toLowerCase() === user.toLowerCase() && comment.body.includes(marker),
  );
  if (own === undefined) return box.post(text);
  return own.body === text ? own : box.edit(own.id, text);
}
