/**
 * `value` in single quotes, fit for a one-line message: what would break the line or hide (control characters, line
 * separators, lone surrogates) is escaped, and a long value is cut.
 */
export function quote(value: string, maxLength = 200): string {
  const shown = value.length > maxLength ? `${value.slice(0, maxLength - 1)}…` : value;
  return `'${shown.replace(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/gu, toEscape)}'`;
}

function toEscape(character: string): string {
  if (character === "\n") {
    return "\\n";
  }
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
