import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

/** A request that a scripted server has seen, its body left out. */
export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly authorization: string | undefined;
  readonly contentRange: string | undefined;
  /** What part of a body it asks for. */
  readonly range: string | undefined;
}

/** A real server on 127.0.0.1 that answers as a test wants it to, however wrong that is. */
export interface ScriptedServer {
  readonly host: string;
  readonly origin: string;
  readonly seen: readonly SeenRequest[];
  close(): Promise<void>;
}

export type Script = (request: IncomingMessage, response: ServerResponse, url: URL) => void;

/** @param port Any free one by default. */
export async function startScriptedServer(script: Script, port = 0): Promise<ScriptedServer> {
  const seen: SeenRequest[] = [];
  const server = createServer((request, response) => {
    const { method = "", url = "", headers } = request;
    const contentRange = headers["content-range"];
    const { authorization, range } = headers;
    seen.push({ method, url, authorization, contentRange, range });
    request.on("error", () => {});
    response.on("error", () => {});
    script(request, response, new URL(url, "http://scripted"));
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    host,
    origin: `http://${host}`,
    seen,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** The same; it ends with the test. */
export async function serve(script: Script): Promise<ScriptedServer> {
  const server = await startScriptedServer(script);
  onTestFinished(server.close);
  return server;
}

/** How registries say that something is not there. */
const unknown = JSON.stringify({ errors: [{ code: "MANIFEST_UNKNOWN", message: "manifest unknown" }] });

/** Answers with a status, headers and a body; with 404 as registries do, unless another body is given. */
export function answer(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>> = {},
  body: string | Uint8Array = status === 404 ? unknown : "",
): void {
  response.writeHead(status, { "content-length": String(Buffer.byteLength(body)), ...headers });
  response.end(body);
}

/** Reads a request's body to its end, then answers. */
export function afterBody(request: IncomingMessage, then: (body: Buffer) => void): void {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => then(Buffer.concat(chunks)));
}
