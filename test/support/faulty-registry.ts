import { request as forward, type IncomingMessage, type ServerResponse } from "node:http";
import { type Injury, passInjured } from "./injury.ts";
import { type SeenRequest, startScriptedServer } from "./scripted-server.ts";

/**
 * Answers a request in the registry's place, breaks its connection, injures its body or that of its answer, or leaves
 * it to the registry by returning `undefined`.
 */
export type Fault = (
  request: IncomingMessage,
  url: URL,
) => ((response: ServerResponse) => void) | "break" | Injury | undefined;

/** A real registry behind a server that interferes with some of its requests. */
export interface FaultyRegistry {
  readonly host: string;
  /** What it was asked for, the newest last. */
  readonly seen: readonly SeenRequest[];
  /** From now on; without one, everything goes to the registry. */
  interfere(fault?: Fault): void;
  close(): Promise<void>;
}

/** Stands in front of the registry at `host:port`. */
export async function startFaultyRegistry(behind: string): Promise<FaultyRegistry> {
  let fault: Fault = () => undefined;
  const server = await startScriptedServer((request, response, url) => {
    const answer = fault(request, url);
    if (answer === "break") return response.destroy();
    if (typeof answer === "function") return answer(response);
    const { method, headers, socket } = request;
    const path = `${url.pathname}${url.search}`;
    const injuryOf = (body: Injury["body"]) => (answer?.body === body ? answer : undefined);
    const end = (how: "break" | "end"): void => {
      if (how === "break") socket.resetAndDestroy();
      else socket.destroySoon();
      onward.destroy();
    };
    const onward = forward(`http://${behind}${path}`, { method, headers }, (answered) => {
      response.writeHead(answered.statusCode ?? 502, answered.headers);
      answered.on("error", () => response.destroy());
      passInjured(answered, response, injuryOf("answer"), end);
    });
    onward.on("error", () => response.destroy());
    // A client that is content with half an exchange closes its side, be it after the whole answer: the registry need not
    // wait for the rest.
    const leave = () => void onward.destroy();
    socket.once("close", leave);
    onward.once("close", () => socket.off("close", leave));
    passInjured(request, onward, injuryOf("request"), end);
  });
  return {
    host: server.host,
    seen: server.seen,
    interfere: (next = () => undefined) => {
      fault = next;
    },
    close: server.close,
  };
}
