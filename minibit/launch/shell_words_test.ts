import { expect, test } from "bun:test";
import { UserError } from "../core/base/errors.ts";
import { shellQuote, shellWords } from "./shell_words.ts";

const COMMANDS: readonly string[] = [
  "ssh",
  "  ssh   -v\t-4 ",
  "ssh -F 'my file'",
  'ssh -F "my file"',
  "ssh -F my\\ file",
  `ssh -o "ProxyCommand=nc -X 'a b' %h %p"`,
  `ssh -i /root/"a"'b'c''`,
  `ssh '' ""`,
  `a"\\"\\\\\\n\\'"b`,
  `'\\' \\"\\'\\\\`,
  "a\\\nb 'c\nd' \"e\\\nf\"",
];

for (const command of COMMANDS) {
  test(`${JSON.stringify(command)} is split as a shell does`, () => {
    const script = `printf '%s\\0' ${command}`;
    const said = Bun.spawnSync(["sh", "-c", script]).stdout.toString();
    expect(shellWords(command)).toEqual(said.split("\0").slice(0, -1));
  });
}

test("a quote that is not closed, a backslash at the end and no word at all are refused", () => {
  for (const [command, told] of [
    ["ssh 'a", "the quote ' is not closed"],
    ['ssh "a\\"', 'the quote " is not closed'],
    ["ssh a\\", "a backslash ends it"],
    ["  ", "it is empty"],
  ] as const) {
    expect(() => shellWords(command)).toThrow(UserError);
    expect(() => shellWords(command)).toThrow(told);
  }
});

test("a word that was quoted is read back as it was", () => {
  expect(shellQuote("root@10.0.0.1")).toBe("root@10.0.0.1");
  for (const word of ["a b", "it's", "", "$HOME `id` \\", '"', "a\nb", "~", "#"]) {
    expect(shellWords(`x ${shellQuote(word)}`)).toEqual(["x", word]);
    expect(Bun.spawnSync(["sh", "-c", `printf %s ${shellQuote(word)}`]).stdout.toString()).toBe(word);
  }
});
