import { expect, test } from "bun:test";
import { BoardFeed } from "../model/feed.ts";
import { NO_BOARD_STATS } from "../model/swarm_model.ts";
import { metricsText } from "./metrics.ts";

const ID = "0123456789abcdef".repeat(4);
const promtool = Bun.which("promtool");

function busyFeed(): BoardFeed {
  const feed = new BoardFeed();
  const share = { name: "<script>", sizeBytes: 3000, blockSizeBytes: 1024, blockCount: 3 };
  const peer = (id: number, seed: boolean) => ({ id, name: 'a "peer"\n', host: "::1", port: 1, seed });
  feed.tell({ type: "swarm", swarm: ID, share, expected: 3 });
  feed.tell({ type: "peer", swarm: ID, peer: peer(0, true), blocks: [0, 3] });
  feed.tell({ type: "complete", swarm: ID, peer: 0 });
  feed.tell({ type: "peer", swarm: ID, peer: peer(1, false), blocks: [1, 1] });
  feed.tell({ type: "peer", swarm: ID, peer: peer(2, false), blocks: [] });
  const messages = { CHOKE: 2, UNCHOKE: 3, REQUEST: 7 };
  const stats = { ...NO_BOARD_STATS, downBytes: 500, downBytesPerSecond: 99, hashFailures: 1, messages };
  feed.tell({ type: "stats", swarm: ID, peer: 1, stats: { ...stats, activity: "nothing to ask" } });
  feed.tell({ type: "stats", swarm: ID, peer: 2, stats: { ...stats, downBytes: 40 } });
  feed.tell({ type: "departed", swarm: ID, peer: 2, how: "gone" });
  return feed;
}

test("metrics tell of peers, bytes, copies and messages by swarm", async () => {
  const { type, text } = await metricsText(busyFeed());
  expect(type).toStartWith("text/plain; version=0.0.4");
  const lines = text.split("\n");
  const swarm = 'swarm="0123456789ab"';
  for (const line of [
    `minibit_peers{${swarm},state="here"} 2`,
    `minibit_peers{${swarm},state="gone"} 1`,
    `minibit_peers_complete{${swarm}} 1`,
    `minibit_peers_doing{${swarm},activity="nothing_to_ask"} 1`,
    `minibit_receive_bytes_total{${swarm}} 540`,
    `minibit_receive_bytes_per_second{${swarm}} 99`,
    `minibit_block_copies_min{${swarm}} 1`,
    `minibit_block_copies_max{${swarm}} 2`,
    `minibit_hash_failures_total{${swarm}} 2`,
    `minibit_choke_changes_total{${swarm}} 10`,
    `minibit_messages_total{${swarm},type="REQUEST"} 14`,
    `minibit_done{${swarm}} 0`,
  ]) {
    expect(lines).toContain(line);
  }
});

test("no label holds what an untrusted peer chose", async () => {
  const { text } = await metricsText(busyFeed());
  expect(text).not.toContain("script");
  expect(text).not.toContain("peer\\");
  expect(text).not.toContain("::1");
});

test("an empty tracker has metrics too", async () => {
  const { text } = await metricsText(new BoardFeed());
  expect(text).toContain("minibit_viewers 0");
});

test.skipIf(promtool === null)(
  `Prometheus's own linter passes${promtool === null ? " (skipped: there is no promtool here, see Debian's package prometheus)" : ""}`,
  async () => {
    for (const feed of [busyFeed(), new BoardFeed()]) {
      const { text } = await metricsText(feed);
      const check = Bun.spawnSync([promtool ?? "", "check", "metrics"], { stdin: Buffer.from(text), stderr: "pipe" });
      expect(check.stdout.toString() + check.stderr.toString()).toBe("");
      expect(check.exitCode).toBe(0);
    }
  },
);
