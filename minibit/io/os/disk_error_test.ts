import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { UserError } from "../../core/base/errors.ts";
import { diskError, errorCode } from "./disk_error.ts";

function failure(code: string): Error {
  return Object.assign(new Error(`${code}: something`), { code });
}

test("diskError() tells a full disk and what is kept", () => {
  expect(diskError("Cannot write block 17 to 'x'", failure("ENOSPC"), 5).message).toBe(
    "Cannot write block 17 to 'x': the disk is full (free some space and start again; 5 verified blocks are kept)",
  );
  expect(diskError("Cannot write 'x'", failure("EDQUOT")).message).toContain("quota");
});

test("diskError() makes one line for the user of what the system says", () => {
  let caught: unknown;
  try {
    readFileSync("/no/such/file");
  } catch (error) {
    caught = error;
  }
  expect(errorCode(caught)).toBe("ENOENT");
  const told = diskError("Cannot read '/no/such/file'", caught);
  expect(told).toBeInstanceOf(UserError);
  expect(told.message).toBe("Cannot read '/no/such/file': there is no such file or folder (look at the path)");
  expect(told.cause).toBe(caught);
  expect(diskError("Cannot read 'x'", failure("EXYZ")).message).toContain("EXYZ");
});

test("diskError() leaves user errors and our own bugs as they are", () => {
  const user = new UserError("Cannot");
  const bug = new TypeError("x is not a function");
  expect(diskError("Cannot read 'x'", user)).toBe(user);
  expect(diskError("Cannot read 'x'", bug)).toBe(bug);
});
