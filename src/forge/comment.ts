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

/**
 * Whether the name is one that forges give to programs alone: apps of GitHub, tokens of projects and groups of GitLab, the workflows of
 * Gitea and Forgejo.
 */
export function isNameOfBot(name: string): boolean {
  return /\[bot\]$|^(?:project|group)_\d+_bot(?:_|$)|^(?:gitea|forgejo)-actions$/.test(name);
}

/** Whether something was changed after it was made, by the two times that a forge gives. */
export function isOtherTime(created: string, updated: string | null | undefined): boolean {
  return updated !== null && updated !== undefined && Date.parse(updated) !== Date.parse(created);
}

/**
 * Lines of a comment in which somebody says something: without those of code blocks, and without what nobody sees because it stands in
 * a comment of HTML (CommonMark 0.31, sections 4.5 and 4.6). What is quoted begins with another character than what is said.
 */
export function saidLines(body: string): readonly string[] {
  const lines: string[] = [];
  let fence: string | undefined;
  let isHidden = false;
  for (const line of body.split(/\r\n|\r|\n/)) {
    const [, marks, after = ""] = /^ {0,3}(`{3,}|~{3,})(.*)$/.exec(line) ?? [];
    if (isHidden) isHidden = !line.includes("-->");
    else if (fence !== undefined) {
      if (marks?.startsWith(fence) && after.trim() === "") fence = undefined;
    } else if (marks !== undefined && !(marks.startsWith("`") && after.includes("`"))) fence = marks;
    else if (/^ {0,3}<!--/.test(line)) isHidden = !line.includes("-->");
    else lines.push(line.trimEnd());
  }
  return lines;
}
