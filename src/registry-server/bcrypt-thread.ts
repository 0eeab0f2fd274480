import { createRequire } from "node:module";
import { Worker } from "node:worker_threads";
import * as z from "zod/mini";

export type Compare = (text: string, hash: string) => Promise<boolean>;

const answerSchema = z.tuple([z.number(), z.boolean()]);

/** What the thread runs: a text, because it is no file of its own in a package that is bundled. */
const source = `
  const { parentPort, workerData } = require("node:worker_threads");
  const bcrypt = require(workerData);
  parentPort.on("message", ([id, text, hash]) => parentPort.postMessage([id, bcrypt.compareSync(text, hash)]));
`;

interface Asked {
  readonly resolve: (isRight: boolean) => void;
  readonly reject: (error: unknown) => void;
}

let thread: { readonly worker: Worker; readonly asked: Map<number, Asked> } | undefined;
let questions = 0;

/** bcrypt in a thread of its own, one for all servers of the process: while it calculates, requests are answered. */
export const compareInThread: Compare = (text, hash) => {
  thread ??= startThread();
  const { worker, asked } = thread;
  questions += 1;
  const id = questions;
  return new Promise((resolve, reject) => {
    asked.set(id, { resolve, reject });
    worker.postMessage([id, text, hash]);
  });
};

function startThread(): NonNullable<typeof thread> {
  const workerData = createRequire(import.meta.url).resolve("bcryptjs");
  const worker = new Worker(source, { eval: true, workerData });
  const asked = new Map<number, Asked>();
  const end = (error: unknown) => {
    if (thread?.worker === worker) thread = undefined;
    for (const { reject } of asked.values()) reject(error);
    asked.clear();
  };
  worker.on("message", (message) => {
    const [id, isRight] = answerSchema.parse(message);
    asked.get(id)?.resolve(isRight);
    asked.delete(id);
  });
  worker.once("error", end);
  worker.once("exit", () => end(new Error("the thread that compares passwords has ended")));
  // A process may end whose passwords nobody waits for.
  worker.unref();
  return { worker, asked };
}
