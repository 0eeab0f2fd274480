/** Whether a path, taken apart at its slashes, is one that a pattern means. */
export type PathPattern = (segments: readonly string[]) => boolean;

/**
 * A pattern of `CODEOWNERS`: written as in `.gitignore`, without negation and character ranges. A pattern that names a
 * folder means all below it, but `docs/*` means what is directly in it. The time it takes grows with the length of the
 * pattern times that of the path, whatever either says.
 * @param pattern a backslash takes the meaning from the character behind it.
 */
export function pathPattern(pattern: string): PathPattern {
  const isFolder = pattern.endsWith("/");
  const body = pattern.replace(/^\//, "").replace(/\/$/, "");
  const isAnchored = pattern.startsWith("/") || body.includes("/");
  const parts = body.split("/").filter((part, at, all) => part !== "**" || all[at - 1] !== "**");
  const isDeep = parts.at(-1) === "**";
  if (isDeep) parts.pop();
  const isFlat = !isDeep && parts.at(-1) === "*" && isAnchored && !isFolder;
  return (segments) => {
    let reached = new Set(isAnchored ? [0] : segments.keys());
    for (const part of parts) {
      const next = new Set<number>();
      for (const at of reached) {
        if (part === "**") for (let below = at; below < segments.length; below += 1) next.add(below);
        else if (at < segments.length && matches(part, segments[at] ?? "")) next.add(at + 1);
      }
      reached = next;
    }
    if (isFolder || isDeep) return [...reached].some((at) => at < segments.length);
    return isFlat ? reached.has(segments.length) : reached.size > 0;
  };
}

/** Whether a segment matches a part with `*`, `?` and escapes: when it fails, the last star takes one character more. */
function matches(part: string, segment: string): boolean {
  let [inPart, inSegment] = [0, 0];
  let star: { readonly after: number; taken: number } | undefined;
  while (inSegment < segment.length) {
    const sign = part[inPart];
    const isEscape = sign === "\\" && inPart + 1 < part.length;
    if (sign === "*") {
      inPart += 1;
      star = { after: inPart, taken: inSegment };
    } else if (
      sign !== undefined &&
      (isEscape ? part[inPart + 1] === segment[inSegment] : sign === "?" || sign === segment[inSegment])
    ) {
      inPart += isEscape ? 2 : 1;
      inSegment += 1;
    } else if (star !== undefined) {
      star.taken += 1;
      inPart = star.after;
      inSegment = star.taken;
    } else return false;
  }
  return /^\**$/.test(part.slice(inPart));
}
