/** Flags of one script that are handed on to another, as they are written in the first one's table. */
import { type Flag, type Flags, longOf, type Switch, variableOf } from "./cli.ts";

/** What is handed on of each flag: the text that was given, whether the switch is on; undefined: the flag is left out. */
export type Handed<F extends Flags> = {
  readonly [N in keyof F]?: F[N] extends Flag<unknown> ? string | undefined : boolean;
};

/** Flags whose values stay text: a wrong one is refused before it is handed on. */
export type AsWritten<F extends Flags> = {
  readonly [N in keyof F]: F[N] extends Flag<unknown>
    ? Omit<F[N], "parse"> & { readonly parse: (text: string) => string }
    : F[N];
};

/** The same flags for a script that hands them on. */
export function asWritten<const F extends Flags>(flags: F): AsWritten<F> {
  const written = Object.entries(flags).map(([name, flag]): [string, Flag<string> | Switch] => [
    name,
    "parse" in flag ? { ...flag, parse: checkedText(flag.parse) } : flag,
  ]);
  return Object.fromEntries(written) as AsWritten<F>;
}

/** Refuses what `parse` refuses, and leaves the rest as it is written. */
export function checkedText(parse: (text: string) => unknown): (text: string) => string {
  return (text) => {
    parse(text);
    return text;
  };
}

/**
 * The words of a command line that give these flags.
 *
 * @example
 * ```ts
 * argvOf(SHARING_FLAGS, { uploadLimit: "1MiB/s", skipSync: true }); // ["--upload-limit", "1MiB/s", "--skip-sync"]
 * ```
 */
export function argvOf<const F extends Flags>(flags: F, values: Handed<F>): string[] {
  return given(flags, values).flatMap(([name, value]) => (value === true ? [longOf(name)] : [longOf(name), value]));
}

/** The variables of an environment that give these flags: `{ MINIBIT_UPLOAD_LIMIT: "1MiB/s", MINIBIT_SKIP_SYNC: "1" }`. */
export function envOf<const F extends Flags>(flags: F, values: Handed<F>): { readonly [name: string]: string } {
  return Object.fromEntries(
    given(flags, values).map(([name, value]) => [variableOf(name), value === true ? "1" : value]),
  );
}

function given<F extends Flags>(flags: F, values: Handed<F>): [name: string, value: string | true][] {
  return Object.keys(flags).flatMap((name): [string, string | true][] => {
    const value = values[name];
    return value === undefined || value === false ? [] : [[name, value]];
  });
}
