import { resolve } from "node:path";
import { expect, test } from "vitest";
import { parsePlace } from "../../src/registry/index.ts";

const digest = `sha256:${"0".repeat(64)}`;

test.each([
  ["localhost:5000/app:v1", "localhost:5000/app", undefined, "v1", undefined],
  [`docker://docker.io/library/app:v1@${digest}`, "docker.io/library/app", undefined, "v1", digest],
  ["oci:/mnt/usb/app", "oci:/mnt/usb/app", "/mnt/usb/app", undefined, undefined],
  ["oci:/mnt/usb/app:v1", "oci:/mnt/usb/app", "/mnt/usb/app", "v1", undefined],
  [`oci:app@${digest}`, "oci:app", resolve("app"), undefined, digest],
  [`oci:../me@home/app:v1@${digest}`, "oci:../me@home/app", resolve("../me@home/app"), "v1", digest],
  ["oci:.", "oci:.", resolve("."), undefined, undefined],
  ["oci:a:b/c", "oci:a:b/c", resolve("a:b/c"), undefined, undefined],
])("%s", (text, shown, folder, tag, target) => {
  expect(parsePlace(text)).toMatchObject({ shown, folder, tag, digest: target });
});

test("a folder has a name that no registry is asked for, whatever it is called", () => {
  expect(parsePlace("oci:/mnt/My Disk").repository).toBe("localhost/folder");
  expect(parsePlace("oci:/mnt/app").repository).toBe("localhost/app");
});

test.each([
  ["oci:", "invalid-reference"],
  ["oci::v1", "invalid-reference"],
  ["oci:app:no tag", "invalid-tag"],
  ["oci:app@sha256:0", "invalid-digest"],
  ["app:v1", "invalid-reference"],
])("%s is refused", (text, code) => {
  expect(() => parsePlace(text)).toThrow(expect.objectContaining({ code }));
});
