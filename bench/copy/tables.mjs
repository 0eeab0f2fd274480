// Tables of a result, in Markdown.
import { total } from "./access-log.mjs";
import { bytesOf, failureOf, figures, spreadOf } from "./figures.mjs";
import { quotaUsed } from "./goals.mjs";

const MiB = 2 ** 20;

/** One table in Markdown; its columns of figures, which are all but the first unless it is said, end at the right. */
export function table(head, rows, isFigure = (column) => column > 0) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  const rule = head.map((_, column) => (isFigure(column) ? "---:" : "---"));
  return [line(head), line(rule), ...rows.map(line)].join("\n");
}

/** What every client took. */
export function costsTable({ clients }) {
  const columns = [
    ["client", (client) => client.title],
    ["wall s", wallCell],
    ["CPU s", (client) => figure(client, figures.cpu, 2)],
    ["resident MiB", (client) => figure(client, figures.resident, 0)],
    ["requests: source + destinations", requestsCell],
    ["MiB: source + destinations", bytesCell],
    ["registries' CPU s", (client) => figure(client, figures.registriesCpu, 1)],
    ...specialColumns(clients),
  ];
  return table(
    columns.map(([name]) => name),
    clients.map((client) => columns.map(([, cell]) => cell(client))),
  );
}

function specialColumns(clients) {
  const columns = [];
  if (clients.some((client) => quotaUsed(client) !== undefined)) {
    columns.push(["quota used", (client) => percent(quotaUsed(client))]);
    columns.push(["refused with 429", (client) => String(refused(client))]);
  }
  if (clients.some(({ runs }) => runs.at(-1).othersDoneSeconds !== undefined)) {
    columns.push(["first three done, s", ({ runs }) => runs.at(-1).othersDoneSeconds.toFixed(2)]);
  }
  return columns;
}

function wallCell(client) {
  const failure = failureOf(client);
  if (failure?.startsWith("stopped")) return failure;
  if (failure !== undefined) return `FAILED: ${failure}`;
  const { median, least, greatest } = spreadOf(client, figures.wall);
  const { length } = client.runs;
  return length === 1
    ? `${median.toFixed(2)} (n=1)`
    : `${median.toFixed(2)} (${least.toFixed(2)}–${greatest.toFixed(2)}, n=${length})`;
}

function requestsCell({ runs }) {
  const { source, destinations } = runs.at(-1).requests;
  return `${counted(total(source))} + ${counted(total(destinations))}`;
}

function bytesCell(client) {
  const [source, destinations] = ["source", "destinations"].map((side) => {
    const bytes = bytesOf(client, side);
    return bytes === undefined ? "–" : counted(bytes / MiB);
  });
  return source === "–" && destinations === "–" ? "–" : `${source} + ${destinations}`;
}

function refused({ runs }) {
  return runs.at(-1).links.reduce((sum, { refused = 0 }) => sum + refused, 0);
}

function figure(client, of, digits) {
  return spreadOf(client, of).median.toFixed(digits);
}

function percent(share) {
  return share === undefined ? "–" : `${(100 * share).toFixed(0)} %`;
}

function counted(number) {
  return number < 10 && !Number.isInteger(number)
    ? number.toFixed(1)
    : Math.round(number).toLocaleString("en");
}
