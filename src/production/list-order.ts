/** Digits of a number in a place; longer ones are told apart by their length alone. */
const width = 10;
const most = 200;

/**
 * Where an image stands in a list, as a text that sorts by its bytes: by its name, then the newest version first, as its tags say it. It
 * names the image: no two of a list have the same.
 */
export function listPlace(name: string, digest: string, tags: readonly string[]): string {
  return `${name} ${versionPlace(tags)} ${digest}`;
}

/** The version that an image is known by: of its tags the highest. */
export function highestTag(tags: readonly string[]): string | undefined {
  let highest: { readonly tag: string; readonly place: string } | undefined;
  for (const tag of tags) {
    const place = tagPlace(tag);
    if (highest === undefined || place < highest.place) highest = { tag, place };
  }
  return highest?.tag;
}

function versionPlace(tags: readonly string[]): string {
  const highest = highestTag(tags);
  return highest === undefined ? "~" : tagPlace(highest);
}

/** Each number as what it lacks to the highest of its width: so the highest comes first. A tag without digits comes behind all others. */
function tagPlace(tag: string): string {
  if (!/\d/.test(tag)) return `}${tag}`.slice(0, most);
  const place = tag.replace(/^v(?=\d)/, "").replace(/\d+/g, (digits) => {
    const number = digits
      .replace(/^0+(?=\d)/, "")
      .padStart(width, "0")
      .slice(-width);
    return number.replace(/\d/g, (digit) => String(9 - Number(digit)));
  });
  return place.slice(0, most);
}
