/* quote.js - text as PromQL writes it between quotes. */

/** A value as PromQL writes it in these quotes. */
export function quoted(text, quote = '"') {
  if (quote === "`" && !text.includes("`")) return `\`${text}\``;
  const mark = quote === "'" ? "'" : '"';
  const safe = text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll(mark, `\\${mark}`);
  return mark + safe + mark;
}
