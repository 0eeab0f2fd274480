/** A run that says what hurts a terminal, a page, or somebody who reads it. */
export const hostile = {
  /** A summary, a reason, the title of a commit: words of somebody else's. */
  words: "</main><script>alert(1)</script><img src=x onerror=alert(2)> \u202egnp.exe \u200bhidden",
  /** A branch, as Git allows it. */
  ref: 'refs/heads/"><script>alert(3)</script>',
  lines: [
    "plain",
    "\u001b[31mred\u001b[0m, \u001b[1;4mbold\u001b[0m and \u001b[38;5;200mpink\u001b[0m",
    "\u001b]8;;javascript:alert(4)\u0007a link\u001b]8;;\u0007 and \u001b]0;a title\u001b\\ of the window",
    "\u001b[2J\u001b[1;1Hcleared \u001b[5Abefore \u001b[?1049hbeside\u001b7\u001b8",
    '<script>alert(5)</script><img src=x onerror="alert(6)"> &lt;b&gt; <a href=javascript:alert(7)>',
    "\u202egnp.exe\u202c \u2066isolated\u2069 zero\u200bwidth \ufeffmark \u2028line \u{e0041}tag",
    "nul \u0000 bell \u0007 back \u0008 c1 \u009b31m",
    "10 %\r50 %\rdone",
    `Z${"\u0351\u0322\u0353".repeat(200)}algo`,
    "--- </summary><script>alert(8)</script>",
    'Step #0 - "<b>pull</b>": error: <i>it</i> broke',
    "::group::\u001b]8;;https://evil.example\u0007open me",
    "family \u{1f468}\u200d\u{1f469}\u200d\u{1f467} stays",
  ],
  /** What is no UTF-8. */
  bytes: Uint8Array.from([0xff, 0xfe, 0xc0, 0xaf, 0xed, 0xa0, 0x80, 0xf4, 0x90, 0x80, 0x80, 0x0a]),
} as const;
