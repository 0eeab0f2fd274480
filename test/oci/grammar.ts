import fc from "fast-check";

const hex = [..."0123456789abcdef"];
const lower = [..."abcdefghijklmnopqrstuvwxyz0123456789"];
const word = [..."abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"];

function textOf(letters: readonly string[], minLength: number, maxLength: number): fc.Arbitrary<string> {
  return fc.array(fc.constantFrom(...letters), { minLength, maxLength }).map((found) => found.join(""));
}

/** Digests, grown by the grammar rather than by the pattern under test. */
export const digests = fc.oneof(
  textOf(hex, 64, 64).map((digits) => `sha256:${digits}`),
  textOf(hex, 128, 128).map((digits) => `sha512:${digits}`),
);

/** Tags, likewise. */
export const tags = fc
  .tuple(fc.constantFrom(...word), textOf([...word, ".", "-"], 0, 127))
  .map(([first, rest]) => first + rest);

const component = fc
  .array(fc.tuple(textOf(lower, 1, 6), fc.constantFrom(".", "_", "__", "-", "--", "---")), {
    minLength: 1,
    maxLength: 3,
  })
  .map((parts) => parts.map(([text, separator]) => text + separator).join(""))
  .chain((text) => fc.constantFrom(...lower).map((last) => text + last));

/** Paths of repositories. */
export const paths = fc
  .array(component, { minLength: 1, maxLength: 5 })
  .map((parts) => parts.join("/"))
  .filter((path) => path.length <= 255);

const label = fc
  .tuple(fc.constantFrom(...lower), textOf([...lower, "-"], 0, 8), fc.constantFrom(...lower))
  .map((parts) => parts.join(""));

/** Registry hosts. */
export const hosts = fc.oneof(
  fc.array(label, { minLength: 2, maxLength: 4 }).map((labels) => labels.join(".")),
  fc.tuple(label, fc.integer({ min: 1, max: 65535 })).map(([name, port]) => `${name}:${port}`),
  fc.constantFrom("localhost", "localhost:5000", "127.0.0.1", "127.0.0.1:80", "[::1]", "[::1]:5000"),
);

/** Repository names with their host. */
export const repositories = fc.tuple(hosts, paths).map((parts) => parts.join("/"));
