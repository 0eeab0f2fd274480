// Counts the connections of a process by port, for a bench that names a file in COUNT_CONNECTIONS.
import { writeFileSync } from "node:fs";
import { Socket } from "node:net";

const counts = {};
const { connect } = Socket.prototype;
Socket.prototype.connect = function (...words) {
  const [first] = words.flat();
  const port = typeof first === "object" && first !== null ? first.port : first;
  if (port !== undefined) counts[port] = (counts[port] ?? 0) + 1;
  return connect.apply(this, words);
};
process.on("exit", () => writeFileSync(process.env.COUNT_CONNECTIONS, JSON.stringify(counts)));
