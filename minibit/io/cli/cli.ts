// Room io/cli: command lines: flags as data, help, progress bars. commander and cli-progress stay in this room.
// What a flag does is not decided here: each script, and launch, has a table of its own.

/**
 * What a script takes from its command line and its environment.
 *
 * Flags are declared as data, one object a script; values are parsed and typed by it, `--help` is written from it. Every
 * flag can also come from the environment: `--upload-limit 1MiB/s` is `MINIBIT_UPLOAD_LIMIT=1MiB/s`. Nothing outside
 * this file knows the library underneath.
 */
import { Command, CommanderError } from "commander";
import { UserError } from "../../core/base/errors.ts";
import { UnitError } from "../os/units.ts";

/** What the name of each flag begins with in the environment. */
const ENV_PREFIX = "MINIBIT_";

/** A flag with a value. */
export interface Flag<T> {
  /** What stands for the value in `--help`: `host:port`. */
  readonly value: string;
  readonly help: string;
  /** Turns the text into the value. @throws {UserError} when it is none */
  readonly parse: (text: string) => T;
  /** The text parsed when the flag is not given; without it the value is then undefined. */
  readonly default?: string;
  /** Shown in `--help` in place of the default, where that depends on something else: `6000 + id`. */
  readonly defaultHelp?: string;
  /** It may be given several times, or once with commas between its values, as in the environment: the value is a list. */
  readonly repeats?: true;
}

/** A flag that is on or off. */
export interface Switch {
  readonly help: string;
}

/** A value without a flag, told by its place; all of them must be given. */
export type Argument<T> = Pick<Flag<T>, "help" | "parse">;

/** Flags by their name in camelCase: `uploadLimit` is `--upload-limit` and MINIBIT_UPLOAD_LIMIT. */
export type Flags = { readonly [name: string]: Flag<unknown> | Switch };

/** A script's command line. */
export interface CommandLine<F extends Flags, A extends { readonly [name: string]: Argument<unknown> }> {
  /** The script's file: `peer.ts`. */
  readonly name: string;
  /** One sentence: what the script does. */
  readonly summary: string;
  readonly flags: F;
  /** In the order they are written. */
  readonly args?: A;
  /** Whole commands, shown under the flags. */
  readonly examples?: readonly string[];
}

/** The values of a command line: switches are booleans, flags that repeat lists, flags without a default may be undefined. */
export type Values<F extends Flags, A extends { readonly [name: string]: Argument<unknown> }> = {
  readonly [N in keyof F]: F[N] extends Flag<infer T>
    ? F[N] extends { readonly repeats: true }
      ? readonly T[]
      : F[N] extends { readonly default: string }
        ? T
        : T | undefined
    : boolean;
} & { readonly [N in keyof A]: A[N] extends Argument<infer T> ? T : never };

/** Where the words come from; a test gives its own. */
export interface Words {
  /** The words behind the script's name. */
  readonly argv?: readonly string[];
  readonly env?: { readonly [name: string]: string | undefined };
}

/** Thrown for `--help`: not an error, the text is the result. */
export class HelpAsked extends Error {
  override readonly name = "HelpAsked";
}

/**
 * Reads the command line of a script; a flag wins over the environment, the environment over the default.
 *
 * @example
 * ```ts
 * const { id, tracker, resume } = parseCommandLine({
 *   name: "peer.ts",
 *   summary: "Runs one peer.",
 *   args: { id: { help: "number of this peer", parse: parsePeerId } },
 *   flags: {
 *     tracker: { value: "host:port", help: "the tracker", parse: parseAddress, default: "127.0.0.1:5000" },
 *     resume: { help: "keep what an earlier run left" },
 *   },
 * });
 * ```
 * @throws {UserError} with exit code 2, naming the flag and what to do
 * @throws {HelpAsked} with the help as its message
 */
export function parseCommandLine<const F extends Flags, const A extends { readonly [name: string]: Argument<unknown> }>(
  commandLine: CommandLine<F, A>,
  words: Words = {},
): Values<F, A> {
  const { flags, args = {} as A } = commandLine;
  const command = toCommand(commandLine);
  try {
    command.parse(words.argv ?? process.argv.slice(2), { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) {
      throw error.code === "commander.helpDisplayed" ? new HelpAsked(helpOf(command)) : usageError(error, commandLine);
    }
    throw error;
  }

  const given = command.opts<{ [name: string]: Given }>();
  const env = words.env ?? process.env;
  const values: { [name: string]: unknown } = {};
  for (const [name, flag] of Object.entries(flags)) {
    values[name] = "parse" in flag ? flagValue(name, flag, given[name], env) : switchValue(name, given[name], env);
  }
  for (const [place, [name, arg]] of Object.entries(args).entries()) {
    values[name] = parseAs(`<${name}>`, command.args[place] ?? "", arg.parse);
  }
  return values as Values<F, A>;
}

/** A parser that takes one of `words` only. */
export function oneOf<const W extends readonly string[]>(...words: W): (text: string) => W[number] {
  return (text) => {
    if (!words.includes(text)) {
      throw new UnitError("choice", text, `not one of ${words.join(", ")}`);
    }
    return text;
  };
}

/** A parser that takes any text but the empty one: a path, a name. */
export function parseText(text: string): string {
  if (text === "") {
    throw new UnitError("text", text, "it is empty");
  }
  return text;
}

function toCommand(commandLine: CommandLine<Flags, { readonly [name: string]: Argument<unknown> }>): Command {
  const command = new Command(`bun ${commandLine.name}`)
    .description(commandLine.summary)
    .helpOption("-h, --help", "show this help")
    .allowExcessArguments(false)
    .configureOutput({ writeOut: () => {}, writeErr: () => {} })
    .configureHelp({ helpWidth: 100 })
    .exitOverride();
  for (const [name, arg] of Object.entries(commandLine.args ?? {})) {
    command.argument(`<${name}>`, arg.help);
  }
  for (const [name, flag] of Object.entries(commandLine.flags)) {
    if ("parse" in flag) {
      const byDefault = flag.defaultHelp ?? flag.default;
      const help = flag.repeats === true ? `${flag.help}; may be repeated` : flag.help;
      command.option(
        `${longOf(name)} <${flag.value}>`,
        byDefault === undefined ? help : `${help} (default: ${byDefault})`,
        (text: string, before: readonly string[] = []) => (flag.repeats === true ? [...before, text] : [text]),
      );
    } else {
      command.option(longOf(name), flag.help);
    }
  }
  const firstFlag = Object.keys(commandLine.flags)[0];
  if (commandLine.examples !== undefined) {
    command.addHelpText("after", `\nExamples:\n${commandLine.examples.map((example) => `  ${example}`).join("\n")}`);
  }
  if (firstFlag !== undefined) {
    command.addHelpText(
      "after",
      `\nFlags can be set in the environment too: ${longOf(firstFlag)} as ${variableOf(firstFlag)}.`,
    );
  }
  return command;
}

/** The whole help; the library prints it in parts. */
function helpOf(command: Command): string {
  let text = "";
  command.configureOutput({ writeOut: (part) => (text += part) }).outputHelp();
  return text;
}

/** The library's complaint as one line of ours: `Cannot run peer.ts: unknown option '--prot' (did you mean --port?)`. */
function usageError(error: CommanderError, { name }: { readonly name: string }): UserError {
  const [complaint = "", hint] = error.message.replace(/^error: /, "").split("\n");
  const advice = hint?.replace("(Did you", "(did you") ?? `(see bun ${name} --help)`;
  return new UserError(`Cannot run ${name}: ${complaint.replace(/\.$/, "")} ${advice}`, { exitCode: 2 });
}

/** What the library found: the texts of a flag (the last one, unless it repeats), or a switch. */
type Given = readonly string[] | true | undefined;

function flagValue(name: string, flag: Flag<unknown>, given: Given, env: Words["env"]): unknown {
  const isGiven = given !== undefined && given !== true;
  const inherited = env?.[variableOf(name)] ?? "";
  const [label, texts] = isGiven ? [longOf(name), given] : [variableOf(name), inherited === "" ? [] : [inherited]];
  if (flag.repeats === true) {
    const byDefault = flag.default === undefined ? [] : [flag.default];
    return (texts.length === 0 ? byDefault : texts)
      .flatMap((text) => text.split(","))
      .map((text) => parseAs(label, text, flag.parse));
  }
  const [text] = texts;
  if (text !== undefined) {
    return parseAs(label, text, flag.parse);
  }
  return flag.default === undefined ? undefined : flag.parse(flag.default);
}

function switchValue(name: string, given: Given, env: Words["env"]): boolean {
  const inherited = env?.[variableOf(name)];
  if (given === true || inherited === undefined || inherited === "") {
    return given === true;
  }
  const parse = oneOf("1", "true", "0", "false");
  return ["1", "true"].includes(parseAs(variableOf(name), inherited, parse));
}

/** Parses a value; a refusal names the flag it was given for. */
function parseAs<T>(label: string, text: string, parse: (text: string) => T): T {
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof UserError) {
      const reason = error instanceof UnitError ? error.reason : error.message;
      throw new UserError(`Cannot use ${label} ${JSON.stringify(text)}: ${reason}`, { exitCode: 2, cause: error });
    }
    throw error;
  }
}

/**
 * An environment for child processes in which no flag is set: those of this command are its own, and the children's
 * are all on their command lines.
 */
export function withoutFlags(): { readonly [name: string]: string } {
  const names = Object.keys(process.env).filter((name) => name.startsWith(ENV_PREFIX));
  return Object.fromEntries(names.map((name) => [name, ""]));
}

/** The name of a flag on the command line: `--upload-limit`. */
export function longOf(name: string): string {
  return `--${kebab(name)}`;
}

/** The name of a flag in the environment: `MINIBIT_UPLOAD_LIMIT`. */
export function variableOf(name: string): string {
  return `${ENV_PREFIX}${kebab(name).replaceAll("-", "_").toUpperCase()}`;
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
