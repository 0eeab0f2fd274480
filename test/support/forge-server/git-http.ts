import { spawn } from "node:child_process";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { gitEnvironment } from "../git.ts";
import type { World } from "./world.ts";

/**
 * Git over HTTP, by `git http-backend`: anybody reads what is public; who pushes, or reads what is private, sends a token as
 * the password, with any name.
 */
export async function serveGit(
  world: World,
  root: string,
  request: IncomingMessage,
  response: ServerResponse,
  body: Buffer,
): Promise<void> {
  const url = new URL(request.url ?? "/", "http://forge");
  const path = /^\/(.+)\.git\/(?:info\/refs|git-(?:upload|receive)-pack)$/.exec(url.pathname)?.[1] ?? "";
  const user = userOf(world, request);
  const repository = world.repository(decodeURIComponent(path), user);
  const pushes =
    url.pathname.endsWith("/git-receive-pack") || url.searchParams.get("service") === "git-receive-pack";
  const refuse = (status: number, text: string): void => {
    const challenge = status === 401 ? { "www-authenticate": 'Basic realm="forge"' } : {};
    response.writeHead(status, { "content-type": "text/plain", ...challenge }).end(text);
  };
  if (request.headers.authorization !== undefined && user === undefined)
    return refuse(401, "invalid credentials\n");
  if (pushes && user === undefined) return refuse(401, "authentication is required\n");
  if (repository === undefined) return user === undefined ? refuse(401, "") : refuse(404, "not found\n");
  const mayPush = user?.rights === "all" && world.mayWrite(repository, user);
  if (pushes && !mayPush) return refuse(403, "you may not push here\n");
  await cgi(request, response, body, {
    ...gitEnvironment,
    GIT_PROJECT_ROOT: root,
    GIT_HTTP_EXPORT_ALL: "1",
    PATH_INFO: `/${repository.path}.git${url.pathname.slice(url.pathname.indexOf(".git/") + 4)}`,
    QUERY_STRING: url.search.slice(1),
    REQUEST_METHOD: request.method ?? "GET",
    CONTENT_TYPE: request.headers["content-type"] ?? "",
    CONTENT_LENGTH: String(body.length),
    HTTP_CONTENT_ENCODING: String(request.headers["content-encoding"] ?? ""),
    GIT_PROTOCOL: String(request.headers["git-protocol"] ?? ""),
    REMOTE_ADDR: "127.0.0.1",
    ...(user === undefined ? {} : { REMOTE_USER: user.name }),
  });
}

function userOf(world: World, request: IncomingMessage) {
  const encoded = /^basic (.+)$/i.exec(request.headers.authorization ?? "")?.[1];
  const [, password] = Buffer.from(encoded ?? "", "base64")
    .toString()
    .split(/:(.*)/s);
  return world.userOfToken(password);
}

async function cgi(
  request: IncomingMessage,
  response: ServerResponse,
  body: Buffer,
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  const child = spawn("git", ["http-backend"], { env: environment, stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.on("error", () => undefined);
  child.stdin.end(body);
  request.once("close", () => request.destroyed && !response.writableEnded && child.kill());
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(child, "close");
  const output = Buffer.concat(chunks);
  const end = output.indexOf("\r\n\r\n");
  const lines = output.subarray(0, end).toString().split("\r\n");
  const headers = lines.map((line) => line.split(/:\s*(.*)/s).slice(0, 2) as [string, string]);
  const status = headers.find(([name]) => name.toLowerCase() === "status")?.[1] ?? "200 OK";
  for (const [name, value] of headers) if (name.toLowerCase() !== "status") response.setHeader(name, value);
  response.writeHead(Number.parseInt(status, 10)).end(output.subarray(end + 4));
}
