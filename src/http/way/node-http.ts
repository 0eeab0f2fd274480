/**
 * Node's HTTP client. Imported by name, `node:http` of Node 24 loads its own `fetch`, WebSocket and HTTP/2 as well, because an
 * import looks at everything that a module exports: that takes as long as all the rest of a short command.
 */
export const { Agent: HttpAgent, request: httpRequest } = process.getBuiltinModule("node:http");
