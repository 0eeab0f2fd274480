import { createHash } from "node:crypto";
import { extname } from "node:path";
import { assets } from "waybill:assets";

const types: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};

const tags = new Map(
  Object.entries(assets).map(([name, text]) => {
    return [name, createHash("sha256").update(text).digest("base64url").slice(0, 12)];
  }),
);

/** Where a page loads a script, its style or a picture from. The address names the content: a browser need never ask again. */
export function assetAddress(name: string): string {
  return `/assets/${name}?${tags.get(name) ?? ""}`;
}

/** The answer to a request for one; `undefined` when there is none of that name. */
export function answerAsset(name: string): Response | undefined {
  const text = tags.has(name) ? assets[name] : undefined;
  if (text === undefined) return undefined;
  const headers = {
    "content-type": types[extname(name)] ?? "application/octet-stream",
    "cache-control": "public, max-age=31536000, immutable",
  };
  return new Response(text, { headers });
}
