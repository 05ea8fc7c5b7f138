import * as v from "valibot";

/** Reads a line that a process wrote for a program: JSON that fits the schema. Undefined for any other line. */
export function parseEvent<S extends v.GenericSchema>(schema: S, line: string): v.InferOutput<S> | undefined {
  if (!line.startsWith("{")) {
    return undefined;
  }
  try {
    const result = v.safeParse(schema, JSON.parse(line));
    return result.success ? result.output : undefined;
  } catch {
    return undefined;
  }
}
