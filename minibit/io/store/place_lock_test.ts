import { expect, test } from "bun:test";
import { closeSync, existsSync, openSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { tryLock } from "../os/libc.ts";
import { useTempFolders } from "../testing/temp_share.ts";
import { LOCK_FILE } from "./peer_folder.ts";
import { lockPeerFolder, PlaceLock } from "./place_lock.ts";

const tempFolder = useTempFolders();
const options = { place: "the place", hint: "wait" };

test("PlaceLock.take() names the holder, and takes the lock when the holder releases it", () => {
  const path = join(tempFolder(), "lock");
  const lock = PlaceLock.take(path, options);
  expect(() => PlaceLock.take(path, options)).toThrow(`Cannot use 'the place': process ${process.pid} on `);
  lock.release();
  expect(existsSync(path)).toBe(false);
  PlaceLock.take(path, options).release();
});

test("PlaceLock.take() takes a lock whose holder was killed", async () => {
  const path = join(tempFolder(), "lock");
  const program = `import { PlaceLock } from ${JSON.stringify(join(import.meta.dir, "place_lock.ts"))};
    PlaceLock.take(${JSON.stringify(path)}, { place: "x", hint: "y" }); console.log("locked"); setInterval(() => {}, 1000);`;
  const holder = Bun.spawn([process.execPath, "-e", program], { stdout: "pipe" });
  await holder.stdout.getReader().read();
  expect(() => PlaceLock.take(path, options)).toThrow(`process ${holder.pid} on `);
  holder.kill("SIGKILL");
  await holder.exited;
  PlaceLock.take(path, options).release();
});

test("a lock is not handed on to processes that its holder starts", async () => {
  // one that is being started has it for a moment still
  const path = join(tempFolder(), "lock");
  const fd = openSync(path, "w");
  expect(tryLock(fd)).toBe(true);
  const child = Bun.spawn(["sleep", "60"]);
  closeSync(fd);
  const again = openSync(path, "w");
  const deadlineMs = performance.now() + 5000;
  while (tryLock(again) === false && performance.now() < deadlineMs) {
    await Bun.sleep(1);
  }
  expect(tryLock(again)).toBe(true);
  closeSync(again);
  child.kill();
  await child.exited;
});

test("PlaceLock.take() is of the file that lies there, not of one that was removed", () => {
  const path = join(tempFolder(), "lock");
  const removed = PlaceLock.take(path, options);
  rmSync(path);
  const lock = PlaceLock.take(path, options);
  removed.release();
  expect(statSync(path).size).toBeGreaterThan(0);
  lock.release();
  expect(existsSync(path)).toBe(false);
});

test("lockPeerFolder() makes the folder, and leaves nothing in it", () => {
  const dir = tempFolder();
  const lock = lockPeerFolder(dir, 3);
  expect(readdirSync(join(dir, "blocos_peer_3"))).toEqual([LOCK_FILE]);
  expect(() => lockPeerFolder(dir, 3)).toThrow("or use another --dir");
  lockPeerFolder(dir, 4).release();
  lock.release();
  expect(readdirSync(join(dir, "blocos_peer_3"))).toEqual([]);
});
