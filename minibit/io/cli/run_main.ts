/** How a script runs to its end: its exit code, its error messages, and its clean-up after an uncaught error. */
import { UserError } from "../../core/base/errors.ts";
import { diskError, errorCode } from "../os/disk_error.ts";
import { stopAfterFailure } from "../os/lifecycle.ts";
import { HelpAsked } from "./cli.ts";

/** How long a script may take to clean up after an uncaught error. */
const CLEAN_UP_MS = 15_000;

/**
 * Runs a script to its end and exits with its code.
 *
 * The code is what `main` returns. A UserError is shown in one line; any other error is our bug and is shown with its stack. An
 * uncaught error stops `main` as a signal does (see `onStop`), so that `main` cleans up and leaves no file and no process behind. The
 * same happens when the reader of our output has gone.
 */
export async function runMain(main: () => Promise<number> | number): Promise<never> {
  let failure: number | undefined;
  const fail = (tell: () => number): void => {
    if (failure !== undefined) {
      return; // only the first error is shown: it may have caused the others
    }
    failure = tell();
    const exit = (): never => process.exit(failure);
    if (stopAfterFailure()) {
      setTimeout(exit, CLEAN_UP_MS);
    } else {
      exit();
    }
  };
  process.on("uncaughtException", (error) => fail(() => report(error)));
  process.on("unhandledRejection", (reason) => fail(() => report(reason)));
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error) => fail(() => (isReaderGone(stream, error) ? 1 : report(unwritten(error)))));
  }
  let exitCode: number;
  try {
    exitCode = await main();
  } catch (error) {
    exitCode = failure === undefined ? report(error) : 1; // the first error was shown
  }
  await ended(process.stdout);
  await ended(process.stderr);
  process.exit(failure ?? exitCode);
}

/** Shows the error that ended the script and returns its exit code. */
function report(error: unknown): number {
  if (error instanceof HelpAsked) {
    process.stdout.write(error.message);
    return 0;
  }
  if (error instanceof UserError) {
    process.stderr.write(`${error.message}\n`);
    return error.exitCode;
  }
  const details = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`This is a bug in MiniBit, please report it with these lines:\n${details}\n`);
  return 1;
}

/** Whether the reader of our output has gone (`| head`, a closed terminal): nobody can read a message then. */
function isReaderGone(stream: NodeJS.WriteStream, error: unknown): boolean {
  return errorCode(error) === "EPIPE" || (errorCode(error) === "EIO" && stream.isTTY);
}

function unwritten(error: unknown): Error {
  return diskError("Cannot write what there is to tell", error);
}

/** Resolves once everything written to `stream` has left the process: an exit would cut it off. */
function ended(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    stream.end(() => resolve());
  });
}
