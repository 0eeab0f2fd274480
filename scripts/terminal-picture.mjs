// What a terminal shows, as rows of text and as SVG.
import headless from "@xterm/headless";

/** How wide the terminal is. */
export const columns = 100;
const visibleRows = 32;

const cell = { width: 8.43, height: 19 };
const edge = { left: 18, top: 54, bottom: 16 };
const font =
  "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace";

/** Of the sixteen colors that programs name, those on a dark ground. */
const palette = ["#6e7681", "#ff7b72", "#7ee787", "#e3b341", "#79c0ff", "#d2a8ff", "#76e3ea", "#d8dee6"];

/** How many requests a line took, and bytes: it is not the same each time, and left out. */
const counts = /^(?:read .* sent |\d+ requests \()/;

/** What stands in the rows of a terminal when a program is done, in runs of the same look. */
export async function readScreen(output) {
  const terminal = new headless.Terminal({
    cols: columns,
    rows: 60,
    scrollback: 1000,
    allowProposedApi: true,
  });
  await new Promise((done) => terminal.write(output, done));
  const { active } = terminal.buffer;
  const rows = [];
  let isCount = false;
  for (let y = 0; y < active.baseY + active.cursorY + 1; y++) {
    const line = active.getLine(y);
    if (!line.isWrapped) isCount = counts.test(line.translateToString(true));
    if (!isCount) rows.push(runsOf(line));
  }
  terminal.dispose();
  while (rows.at(-1)?.length === 0) rows.pop();
  return rows;
}

function runsOf(line) {
  const runs = [];
  const length = line.translateToString(true).trimEnd().length;
  for (let x = 0; x < length; x++) {
    const at = line.getCell(x);
    const text = at.getChars() || " ";
    const look = lookOf(at);
    const last = runs.at(-1);
    if (last?.look === look) last.text += text;
    else runs.push({ x, look, text });
  }
  return runs.filter(({ text }) => text.trim() !== "");
}

/** The classes of a cell. */
function lookOf(at) {
  const color = at.isFgPalette() ? [`c${at.getFgColor() % palette.length}`] : [];
  return [...color, ...(at.isBold() ? ["b"] : []), ...(at.isDim() ? ["d"] : [])].join(" ");
}

/**
 * A terminal in which one line after the other is typed and run, for as long as reading takes, and over again. Where nothing
 * moves, it shows the end.
 */
export function drawSession(title, steps) {
  let row = 0;
  let seconds = 0;
  const groups = [];
  const moments = [];
  const show = (rows, pause) => {
    groups.push({ from: row, rows, at: seconds });
    row += rows.length;
    moments.push({ at: seconds, up: Math.max(0, row - visibleRows) });
    seconds += pause;
  };
  for (const { purpose, line, rows } of steps) {
    if (row > 0) row += 1;
    const prompt = { x: 0, look: "p", text: "$" };
    const typed = broken(line).map((text, index) => [
      ...(index === 0 ? [prompt] : []),
      { x: 2, look: "b", text },
    ]);
    show([[{ x: 0, look: "q", text: `# ${purpose}` }], ...typed], 1.4);
    show(rows, 2.2 + rows.length * 0.22);
  }
  const total = seconds + 3;
  const part = (at) => `${((at / total) * 100).toFixed(2)}%`;
  const width = Math.round(edge.left * 2 + columns * cell.width);
  const height = edge.top + visibleRows * cell.height + edge.bottom;
  const y = (index) => (index * cell.height).toFixed(0);
  const scroll = moments.map(({ at, up }) => `${part(at)} { transform: translateY(-${y(up)}px) }`);
  const last = moments.at(-1).up;
  const styles = [
    `text { font: 14px ${font}; fill: #d8dee6; white-space: pre }`,
    ".b { font-weight: 600; fill: #ffffff } .d { fill: #8b949e } .p { fill: #7ee787; font-weight: 600 } .q { fill: #8b949e; font-style: italic }",
    ...palette.map((color, index) => `.c${index} { fill: ${color} }`),
    `.s { transform: translateY(-${y(last)}px); animation: s ${total.toFixed(1)}s steps(1) infinite }`,
    `@keyframes s { ${scroll.join(" ")} }`,
    ...groups
      .filter(({ at }) => at > 0)
      .map(
        ({ at }, index) =>
          `.g${index} { animation: g${index} ${total.toFixed(1)}s steps(1) infinite } @keyframes g${index} { 0% { visibility: hidden } ${part(at)} { visibility: visible } }`,
      ),
    "@media (prefers-reduced-motion: reduce) { .s, .s g { animation: none } }",
  ];
  const body = groups.map(({ from, rows, at }, index) => {
    const lines = rows.map((runs, below) => textOf(runs, y(from + below + 1)));
    const name = at > 0 ? ` class="g${index - 1}"` : "";
    return `<g${name}>\n${lines.filter((text) => text !== "").join("\n")}\n</g>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" xml:space="preserve">
<title>${escaped(title)}</title>
<desc>${escaped(steps.map(({ purpose, line }) => `${purpose}: ${line}`).join("\n"))}</desc>
<style>
${styles.join("\n")}
</style>
<clipPath id="screen"><rect x="0" y="${edge.top - 3}" width="${width}" height="${height - edge.top}"/></clipPath>
<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="10" fill="#0d1117" stroke="#484f58"/>
<path d="M0.5 36.5H${width - 0.5}" stroke="#30363d"/>
<circle cx="20" cy="18.5" r="6" fill="#ff5f57"/><circle cx="40" cy="18.5" r="6" fill="#febc2e"/><circle cx="60" cy="18.5" r="6" fill="#28c840"/>
<text x="${width / 2}" y="23" text-anchor="middle" class="d">${escaped(title)}</text>
<g clip-path="url(#screen)"><g transform="translate(${edge.left} ${edge.top - 8})"><g class="s">
${body.join("\n")}
</g></g></g>
</svg>
`;
}

/** A line that is longer than the terminal, as one types it. */
function broken(line) {
  if (line.length + 2 <= columns) return [line];
  const at = line.lastIndexOf(" ", columns - 5);
  return [`${line.slice(0, at)} \\`, `  ${line.slice(at + 1)}`];
}

function textOf(runs, y) {
  if (runs.length === 0) return "";
  const spans = runs.map(({ x, look, text }) => {
    const name = look === "" ? "" : ` class="${look}"`;
    return `<tspan x="${(x * cell.width).toFixed(1)}"${name}>${escaped(text)}</tspan>`;
  });
  return `<text y="${y}">${spans.join("")}</text>`;
}

function escaped(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
