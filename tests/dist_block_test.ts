import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type DealOptions, describeDeal, distributeBlocks } from "../dist_block.ts";
import { UserError } from "../minibit/core/base/errors.ts";
import { createRng } from "../minibit/core/base/rng.ts";
import { openSeed, openStore } from "../minibit/io/store/open_store.ts";
import { randomBytes, useTempFolders, writeTree } from "../minibit/io/testing/temp_share.ts";
import { heldBlocks, readBlockCount, resultPath, splitShare } from "../utils.ts";

const tempFolder = useTempFolders();

/** A source, and a folder in which peer 0 has split it into 1 KiB blocks. */
async function makeSeed(sizeBytes = 20_000) {
  const source = join(tempFolder(), "data.bin");
  writeFileSync(source, randomBytes(sizeBytes));
  const dir = tempFolder();
  const stored = await splitShare(source, { dir, peerId: 0, blockSizeBytes: 1024 });
  return { source, dir, stored };
}

function optionsFor(seed: { source: string; dir: string }, more: Partial<DealOptions> = {}): DealOptions {
  return { peers: 4, min: 2, max: 5, rng: createRng(1), timeoutMs: 0, source: seed.source, dir: seed.dir, ...more };
}

describe("distributeBlocks()", () => {
  test("gives every other peer some right blocks, the number of blocks and the manifest", async () => {
    const seed = await makeSeed();
    const deals = await distributeBlocks(optionsFor(seed));
    expect(deals.map(({ peerId }) => peerId)).toEqual([1, 2, 3]);
    expect(readdirSync(seed.dir).sort()).toEqual([0, 1, 2, 3].map((id) => `blocos_peer_${id}`));
    for (const deal of deals) {
      const { peerId } = deal;
      const blocks = "blocks" in deal ? deal.blocks : [];
      expect(blocks.length).toBeGreaterThanOrEqual(2);
      expect(blocks.length).toBeLessThanOrEqual(5);
      expect(heldBlocks({ dir: seed.dir, peerId })).toEqual([...blocks]);
      expect(await readBlockCount(join(seed.dir, `blocos_peer_${peerId}`))).toBe(20);
      const store = await openStore({ ...seed.stored, dir: seed.dir, peerId, store: "folder" });
      expect([...store.found]).toEqual([...blocks]);
      await store.close();
    }
  });

  test("repeats a deal from its random seed, and deals otherwise from another", async () => {
    const [first, second, third] = [await makeSeed(), await makeSeed(), await makeSeed()];
    const deals = await distributeBlocks(optionsFor(first, { rng: createRng(7) }));
    expect(await distributeBlocks(optionsFor(second, { rng: createRng(7) }))).toEqual(deals);
    expect(await distributeBlocks(optionsFor(third, { rng: createRng(8) }))).not.toEqual(deals);
  });

  test("cuts blocks from the source when the seed's direct store keeps no block files", async () => {
    const source = join(tempFolder(), "folder");
    writeTree(source, { a: randomBytes(3000, 1), "b/c": randomBytes(9000, 2), empty: "" });
    const dir = tempFolder();
    const { store } = await openSeed(source, { dir, peerId: 0, store: "direct", blockSizeBytes: 1024 });
    expect(heldBlocks({ dir, peerId: 0 })).toEqual([]);
    await store.close();
    const stream = Buffer.concat([readFileSync(join(source, "a")), readFileSync(join(source, "b/c"))]);
    await distributeBlocks(optionsFor({ source, dir }, { peers: 2, min: 11, max: 11 }));
    const blocks = heldBlocks({ dir, peerId: 1 });
    expect(blocks).toHaveLength(11);
    for (const block of blocks) {
      const dealt = readFileSync(join(dir, "blocos_peer_1", `block_${block}`));
      expect(dealt.equals(stream.subarray(block * 1024, (block + 1) * 1024))).toBe(true);
    }
  });

  test("deals nothing that is not what peer 0 shares", async () => {
    const seed = await makeSeed();
    for (const block of heldBlocks({ dir: seed.dir, peerId: 0 })) {
      writeFileSync(join(seed.dir, "blocos_peer_0", `block_${block}`), randomBytes(1024, 99));
    }
    expect(await distributeBlocks(optionsFor(seed))).toHaveLength(3);
    const other = join(tempFolder(), "other");
    writeFileSync(other, randomBytes(20_000, 2));
    const refused = distributeBlocks(optionsFor({ ...seed, source: other }));
    await expect(refused).rejects.toThrow(UserError);
    await expect(refused).rejects.toThrow(`'${other}' is not what peer 0 shares`);
    await expect(distributeBlocks(optionsFor({ ...seed, source: "/no/such" }))).rejects.toThrow("Cannot deal block");
  });

  test("leaves every peer something to fetch, and never writes over a block", async () => {
    const seed = await makeSeed(5000);
    const all = optionsFor(seed, { peers: 2, min: 100, max: 100 });
    await distributeBlocks(all);
    const held = heldBlocks({ dir: seed.dir, peerId: 1 });
    expect(held).toHaveLength(4);
    const marked = join(seed.dir, "blocos_peer_1", `block_${held[0]}`);
    rmSync(marked);
    writeFileSync(marked, "mine");
    expect(await distributeBlocks(all)).toEqual([{ peerId: 1, leftAlone: "it lacks 1 of 5 blocks" }]);
    expect(readFileSync(marked, "utf8")).toBe("mine");
  });

  test("leaves a peer alone that has its copy, and a share without blocks altogether", async () => {
    const seed = await makeSeed();
    writeFileSync(resultPath(seed.dir, { peerId: 1, manifest: seed.stored.manifest }), "");
    const deals = await distributeBlocks(optionsFor(seed, { peers: 2 }));
    expect(deals).toEqual([{ peerId: 1, leftAlone: "its copy is there" }]);
    expect(readdirSync(seed.dir)).not.toContain("blocos_peer_1");
    const empty = await makeSeed(0);
    expect(await distributeBlocks(optionsFor(empty, { peers: 2 }))).toEqual([
      { peerId: 1, leftAlone: "it lacks 0 of 0 blocks" },
    ]);
  });

  test("refuses a peer's folder of another share", async () => {
    const seed = await makeSeed();
    const other = await makeSeed(3000);
    await splitShare(other.source, { dir: seed.dir, peerId: 1 });
    await expect(distributeBlocks(optionsFor(seed))).rejects.toThrow("it holds another share");
  });

  test("waits for peer 0, and looks again until it has come", async () => {
    const source = join(tempFolder(), "data.bin");
    writeFileSync(source, randomBytes(5000));
    const dir = tempFolder();
    const waits: number[] = [];
    const deals = distributeBlocks(
      optionsFor(
        { source, dir },
        {
          timeoutMs: 20_000,
          onWait(looks) {
            waits.push(looks);
            if (looks === 3) {
              void splitShare(source, { dir, peerId: 0, blockSizeBytes: 1024 });
            }
          },
        },
      ),
    );
    expect(await deals).toHaveLength(3);
    expect(waits.slice(0, 3)).toEqual([1, 2, 3]);
  });

  test("gives up when peer 0 does not come", async () => {
    const refused = distributeBlocks(optionsFor({ source: "x", dir: tempFolder() }, { timeoutMs: 1 }));
    await expect(refused).rejects.toThrow("no manifest.json after 1ms (start peer 0 first: bun peer.ts 0)");
  });
});

test("describeDeal() shows neighbouring blocks as a run", () => {
  expect(describeDeal({ peerId: 1, blocks: [0, 1, 2, 7] })).toBe("peer 1: 4 blocks (0-2, 7)");
  expect(describeDeal({ peerId: 2, blocks: [5] })).toBe("peer 2: 1 block (5)");
  expect(describeDeal({ peerId: 2, blocks: [] })).toBe("peer 2: no blocks");
  expect(describeDeal({ peerId: 3, leftAlone: "its copy is there" })).toBe("peer 3: left alone, its copy is there");
});

describe("bun dist_block.ts", () => {
  const run = (...argv: string[]) => {
    const child = Bun.spawnSync([process.execPath, join(import.meta.dir, "../dist_block.ts"), ...argv]);
    return { exitCode: child.exitCode, stdout: child.stdout.toString(), stderr: child.stderr.toString() };
  };

  test("prints one line a peer", async () => {
    const { dir, source } = await makeSeed();
    const flags = ["--peers", "3", "--min", "3", "--max", "3", "--random-seed", "5", "--dir", dir, "--source", source];
    const { exitCode, stdout } = run(...flags);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^peer 1: 3 blocks \(.+\)\npeer 2: 3 blocks \(.+\)\n$/);
  });

  test("ends with one line on stderr when it cannot", () => {
    const dir = tempFolder();
    expect(run("--dir", dir, "--timeout", "200ms")).toEqual({
      exitCode: 1,
      stdout: "Waiting for peer 0 to describe its share\n", // once, however often it looks
      stderr: `Cannot deal blocks from '${join(dir, "blocos_peer_0")}': no manifest.json after 200ms (start peer 0 first: bun peer.ts 0)\n`,
    });
    expect(run("--min", "5", "--max", "3")).toMatchObject({
      exitCode: 2,
      stderr: "Cannot deal 5 to 3 blocks: --min is above --max\n",
    });
    mkdirSync(join(dir, "blocos_peer_0"));
    writeFileSync(join(dir, "blocos_peer_0/manifest.json"), "{}");
    expect(run("--dir", dir).stderr).toContain("manifest.json': Cannot use the manifest: format");
  });
});
