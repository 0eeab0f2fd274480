// Plain requests of the benchmark itself: filling registries and looking at what a client left there.
import { Agent, request as httpRequest } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

const agent = new Agent({ keepAlive: true, maxSockets: 16 });

/** One request; `chunks` are the body. Gives status, headers and the text of the answer. */
export async function request(method, url, { headers = {}, chunks } = {}) {
  const outgoing = httpRequest(url, { method, headers, agent });
  const answered = new Promise((resolve, reject) => {
    outgoing.once("response", resolve);
    outgoing.once("error", reject);
  });
  await Promise.all([
    answered,
    chunks === undefined ? outgoing.end() : pipeline(Readable.from(chunks), outgoing),
  ]);
  const response = await answered;
  let text = "";
  for await (const chunk of response.setEncoding("utf8")) text += chunk;
  return { status: response.statusCode, headers: response.headers, text };
}

/** Like `request`, but any status other than the expected ones is an error. */
export async function expectRequest(statuses, method, url, options) {
  const answer = await request(method, url, options);
  if (statuses.includes(answer.status)) return answer;
  throw new Error(`${method} ${url}: ${answer.status} ${answer.text.slice(0, 500)}`);
}

/** Runs a function over items, so many at a time. */
export async function each(items, atOnce, run) {
  const queue = items[Symbol.iterator]();
  const worker = async () => {
    for (const item of queue) await run(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
