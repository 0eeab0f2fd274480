import type { Words } from "../words.ts";

/** Slack refuses a section beyond 3,000 characters, and a message beyond about 13,000. */
const maxText = 2_800;
const maxLine = 400;

/** The body of a message for an incoming webhook of Slack, or of what takes the same (Mattermost, Rocket.Chat, Discord's `/slack`). */
export function slackMessage({ title, lines, more }: Words): string {
  const text = escaped(title).slice(0, maxText);
  const shown = lines.map((line) => `• <${line.url}|${escaped(line.text).slice(0, maxLine)}>`);
  const rest = more > 0 ? [`and ${more} more`] : [];
  return JSON.stringify({
    // What a notification of the client, and a screen reader, says.
    text,
    blocks: [
      { type: "section", text: { type: "mrkdwn", text: `*${text}*` } },
      ...sections([...shown, ...rest]).map((section) => ({
        type: "section",
        text: { type: "mrkdwn", text: section },
      })),
    ],
  });
}

/**
 * What Slack would take for a link, a mention or a channel is text (https://docs.slack.dev/messaging/formatting-message-text); what ends
 * a link is none in a link's words.
 */
function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replace(/[*_~`|]/g, (mark) => `\u200b${mark}`)
    .replace(/@/g, "@\u200b");
}

function sections(lines: readonly string[]): readonly string[] {
  const found: string[] = [];
  for (const line of lines) {
    const last = found.at(-1);
    if (last !== undefined && last.length + line.length < maxText) found.push(`${found.pop()}\n${line}`);
    else found.push(line);
  }
  return found.slice(0, 4);
}

/** Messages of Teams may have 28 kB. */
const maxCardLines = 20;

/** The body of a message for a workflow of Teams: an adaptive card 1.4. */
export function teamsMessage({ title, lines, more }: Words): string {
  const blocks = lines
    .slice(0, maxCardLines)
    .map(({ text }) => ({ type: "TextBlock", text: plain(text).slice(0, maxLine), wrap: true }));
  const rest = more > 0 ? [{ type: "TextBlock", text: `and ${more} more`, wrap: true }] : [];
  return JSON.stringify({
    type: "message",
    attachments: [
      {
        contentType: "application/vnd.microsoft.card.adaptive",
        content: {
          $schema: "http://adaptivecards.io/schemas/adaptive-card.json",
          ...{ type: "AdaptiveCard", version: "1.4" },
          body: [
            { type: "TextBlock", text: plain(title).slice(0, maxLine), weight: "Bolder", wrap: true },
            ...blocks,
            ...rest,
          ],
          // No more than six are shown.
          actions: lines
            .slice(0, 6)
            .map(({ url }, index) => ({ type: "Action.OpenUrl", title: `Run ${index + 1}`, url })),
        },
      },
    ],
  });
}

/** Text blocks know Markdown: its marks are text. */
function plain(text: string): string {
  return text.replace(/[\\`*_{}[\]()#+\-!<>~|]/g, (mark) => `\\${mark}`);
}
