/** What happens when the disk is full: on a disk of 1 MiB in memory, which only root may mount. */
import { describe, expect, test } from "bun:test";
import { UserError } from "../../core/base/errors.ts";
import { fetchAll, fetchMissing, randomBytes, readTree, TempShare, useTempFolders } from "../testing/temp_share.ts";
import { openSeed, openStore } from "./open_store.ts";

const BLOCK = 64 * 1024;
const tempFolder = useTempFolders();

/** Runs `use` with a folder on a small disk; `grow` gives that disk more room. */
async function withSmallDisk(use: (dir: string, grow: () => void) => Promise<void>): Promise<void> {
  const dir = tempFolder();
  mount("-t", "tmpfs", "-o", "size=1m", "tmpfs", dir);
  try {
    await use(dir, () => mount("-o", "remount,size=16m", dir));
  } finally {
    Bun.spawnSync(["umount", "--lazy", dir]);
  }
}

function mount(...args: readonly string[]): void {
  const { exitCode, stderr } = Bun.spawnSync(["mount", ...args]);
  if (exitCode !== 0) {
    throw new Error(`Cannot mount a small disk: ${stderr}`);
  }
}

const mayMount =
  Bun.which("mount") !== null &&
  (await withSmallDisk(async () => {}).then(
    () => true,
    () => false,
  ));

describe.skipIf(!mayMount).each(["folder", "direct"] as const)("a full disk under the %s store", (store) => {
  test("is told with the block, and what was verified is kept", async () => {
    const { source } = await TempShare.file(tempFolder(), randomBytes(2_000_000));
    const share = await TempShare.of(source, BLOCK);
    await withSmallDisk(async (dir, grow) => {
      const options = { ...share.stored, dir, peerId: 3, store };
      const refused = openStore(options);
      await expect(refused).rejects.toThrow(UserError);
      await expect(refused).rejects.toThrow(/ it takes \d.*, and the disk has .* \(free some space/);
      const first = await openStore({ ...options, ignoreSpace: true });
      const failed = fetchMissing(first, share);
      await expect(failed).rejects.toThrow(UserError);
      await expect(failed).rejects.toThrow(
        /^Cannot write block \d+ to '.*': the disk is full \(free some space and start again; \d+ verified blocks are kept\)$/,
      );
      await first.close();

      grow();
      const second = await openStore(options);
      expect(second.found.count).toBeGreaterThan(5);
      expect(readTree(await fetchAll(second, share))).toEqual(readTree(source));
    });
  });
});

test.skipIf(!mayMount)("a full disk under a seed that cuts its source is told with the file", async () => {
  const { source } = await TempShare.file(tempFolder(), randomBytes(2_000_000));
  await withSmallDisk(async (dir) => {
    const failed = openSeed(source, { dir, peerId: 0, store: "folder", blockSizeBytes: BLOCK });
    await expect(failed).rejects.toThrow(UserError);
    await expect(failed).rejects.toThrow(/^Cannot write '.*block_\d+': the disk is full \(free some space/);
  });
});
