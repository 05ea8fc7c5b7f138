import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../core/base/errors.ts";
import { useTempFolders, writeTree } from "../io/testing/temp_share.ts";
import { type Platform, RemotePrograms } from "./remote_program.ts";

const tempFolder = useTempFolders();
const LINUX: Platform = { system: "Linux", machine: "x86_64", isMusl: false, bunVersion: undefined };

function programs(text = "console.log(1)"): RemotePrograms {
  const dir = tempFolder();
  writeTree(dir, { "entry.ts": text });
  return new RemotePrograms({ entry: join(dir, "entry.ts"), oldestBun: "1.4.5", cache: join(dir, "cache") });
}

test("who has Bun is sent the script, who has none or an old one an executable for its system", async () => {
  const all = programs();
  const nameFor = async (platform: Partial<Platform>): Promise<string> =>
    (await all.programFor({ ...LINUX, ...platform })).name.replace(await all.hash(), "");
  expect(await nameFor({ bunVersion: "1.4.5" })).toBe(".js");
  expect(await nameFor({ bunVersion: "1.10.0" })).toBe(".js");
  for (const bunVersion of [undefined, "1.3.9", "1.4.5-canary.1", "no bun at all"]) {
    expect(await nameFor({ bunVersion })).toBe(".linux-x64");
  }
  expect(await nameFor({ machine: "aarch64", isMusl: true })).toBe(".linux-arm64-musl");
  expect(await nameFor({ system: "Darwin", machine: "arm64" })).toBe(".darwin-arm64");
  await expect(nameFor({ system: "FreeBSD" })).rejects.toThrow("Cannot run on FreeBSD x86_64");
});

test("the name tells the contents, and the script unpacks to what was bundled", async () => {
  const [one, same, other] = [programs(), programs(), programs("console.log(2)")];
  expect(await one.hash()).not.toBe(await other.hash());
  expect(await one.hash()).toBe(await same.hash());
  const packed = await (await one.programFor({ ...LINUX, bunVersion: "1.4.5" })).packed();
  expect(Buffer.from(Bun.gunzipSync(await packed.bytes())).toString()).toStartWith("// @bun\nconsole.log(1)");
});

test("an executable that is being built when all is stopped leaves nothing behind", async () => {
  const dir = tempFolder();
  writeTree(dir, { "entry.ts": "console.log(3)", tmp: null });
  const tmp = join(dir, "tmp");
  const all = new RemotePrograms({ entry: join(dir, "entry.ts"), oldestBun: "1.4.5", cache: join(dir, "cache"), tmp });
  const failed = (await all.programFor(LINUX)).packed().catch((error: unknown) => error);
  while (readdirSync(tmp).length === 0) {
    await Bun.sleep(1);
  }
  await all.close();
  expect(await failed).toBeInstanceOf(UserError);
  expect(readdirSync(tmp)).toEqual([]);
  expect(readdirSync(".").filter((name) => name.endsWith(".bun-build"))).toEqual([]); // Bun's own, half-made
});
