export { comparisonAsDocument } from "./document.ts";
export { differs } from "./lines.ts";
export { codeSpan, comparisonAsMarkdown, type MarkdownOptions } from "./markdown.ts";
export { comparisonAsText, type TextOptions } from "./text.ts";
