/** The errors MiniBit distinguishes: the other side's fault and the user's mistake. Any other error is a bug in MiniBit. */

/** The other side broke the protocol. Its link is closed and the process continues. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
}

/** A manifest that must not be used. The message says which rule it breaks. */
export class ManifestError extends Error {
  override readonly name = "ManifestError";
}

/** Something the user can correct. It is shown as one line, without a stack trace. */
export class UserError extends Error {
  override readonly name = "UserError";
  /** Process exit code: 1 failed, 2 usage. */
  readonly exitCode: 1 | 2;

  constructor(message: string, options: { exitCode?: 1 | 2; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.exitCode = options.exitCode ?? 1;
  }
}

/**
 * Guards a condition that only a bug of ours can break.
 *
 * @param message a function if it is composed: most messages are never needed, and composing one costs more than the check
 * @throws {Error} when `condition` is false
 */
export function assert(condition: boolean, message: string | (() => string)): asserts condition {
  if (!condition) {
    throw new Error(`Assertion failed: ${typeof message === "string" ? message : message()}`);
  }
}
