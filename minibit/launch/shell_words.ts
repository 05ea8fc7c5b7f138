import { UserError } from "../core/base/errors.ts";

/**
 * Splits a command into its words as a shell reads them: at blanks, but for what stands in quotes or behind a backslash.
 * Nothing else has a meaning: no variable, no pattern, no operator.
 *
 * Source: POSIX, Shell Command Language, 2.2 Quoting.
 *
 * @example
 * ```ts
 * shellWords("ssh -F 'my file'"); // ["ssh", "-F", "my file"]
 * ```
 * @throws {UserError} a quote is not closed; there is no word
 */
export function shellWords(text: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  // a blank, '...', "...", a backslash with what it guards, or what means itself
  for (const [part] of text.matchAll(/[ \t\n]+|'[^']*'|"(?:[^"\\]|\\.)*"|\\.|[^ \t\n'"\\]+|["'\\]/gs)) {
    if (/^[ \t\n]/.test(part)) {
      words.push(...(word === undefined ? [] : [word]));
      word = undefined;
    } else {
      word = (word ?? "") + unquoted(part);
    }
  }
  words.push(...(word === undefined ? [] : [word]));
  if (words.length === 0) {
    throw new UserError("it is empty");
  }
  return words;
}

/** A word as a shell reads it back, in quotes if it must be. */
export function shellQuote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function unquoted(part: string): string {
  if (part === "'" || part === '"') {
    throw new UserError(`the quote ${part} is not closed`);
  }
  if (part.startsWith("'")) {
    return part.slice(1, -1);
  }
  if (part.startsWith('"')) {
    // within them a backslash means itself, but before these
    return part.slice(1, -1).replace(/\\([$`"\\\n])/g, (_, guarded: string) => (guarded === "\n" ? "" : guarded));
  }
  if (part === "\\") {
    throw new UserError("a backslash ends it");
  }
  return part.startsWith("\\") ? part.slice(1).replace("\n", "") : part;
}
