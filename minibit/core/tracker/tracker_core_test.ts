import { describe, expect, test } from "bun:test";
import {
  FORGET_SWARM_MS,
  GONE_AFTER_MS,
  HANDSHAKE_TIMEOUT_MS,
  HEARTBEAT_MS,
  MAX_BLOCKS,
  MAX_SWARM_PEERS,
  MAX_SWARMS,
  MAX_WAITING_PEERS,
  PROTOCOL_VERSION,
} from "../base/limits.ts";
import { Bitfield } from "../share/bitfield.ts";
import { blocksOf, idOf, SHARE, shareOf, TrackerBench, UNKNOWN_SHARE } from "../testing/tracker_bench.ts";
import { NO_SWARM } from "../wire/tracker_wire.ts";
import { NO_STATS } from "./tracker_peer.ts";

describe("registering", () => {
  test("a peer is told the swarm, the share and how many are expected", () => {
    const bench = new TrackerBench(5);
    const link = bench.register(1);
    expect(bench.said.get(link)).toEqual([{ type: "REGISTERED", swarmId: idOf(7), share: SHARE, expected: 5 }]);
    expect(bench.events).toEqual([
      { kind: "new swarm", swarm: { id: "07".repeat(32), name: "arquivos" }, share: SHARE, expected: 5 },
      {
        kind: "registered",
        swarm: { id: "07".repeat(32), name: "arquivos" },
        peer: { id: 1, hosts: ["10.0.0.1", "10.0.0.9"], port: 6001 },
        name: "peer 1",
        seed: false,
        blocks: new Bitfield(SHARE.blockCount),
      },
    ]);
  });

  test("those who watch hear what is new, and of each report", () => {
    const bench = new TrackerBench();
    bench.seed(0, { name: "the seed" });
    expect(bench.events.at(-2)).toMatchObject({ kind: "registered", name: "the seed", seed: true });
    const link = bench.register(1);
    bench.update(link, 1, 2);
    bench.update(link, 2, 3);
    bench.update(link, 3);
    const verified = bench.events.filter((event) => event.kind === "verified");
    expect(verified.map(({ peer, blocks }) => ({ peer, blocks }))).toEqual([
      { peer: 1, blocks: [1, 2] },
      { peer: 1, blocks: [3] },
    ]);
    bench.stats(link, { downBytes: 7, messages: [{ type: 1, count: 2 }] });
    bench.stats(link, { downBytes: 9, messages: [{ type: 1, count: 3 }] });
    expect(bench.events.at(-1)).toMatchObject({ kind: "reported", peer: 1, stats: { downBytes: 9 } });
    expect(bench.events.at(-1)).toMatchObject({ messages: { HELLO: 5 } });
  });

  test("a peer that names no swarm joins the only one", () => {
    const bench = new TrackerBench();
    bench.seed();
    const link = bench.register(1, { share: UNKNOWN_SHARE });
    expect(bench.last(link, "REGISTERED")).toMatchObject({ swarmId: idOf(7), share: SHARE });
    bench.update(link, 3);
    expect(bench.peer(1).blocks).toBe(1);
  });

  test("a peer that comes before its swarm waits for as long as it shows that it is alive", () => {
    const bench = new TrackerBench();
    const any = bench.register(1, { share: UNKNOWN_SHARE });
    const other = bench.register(2, { share: UNKNOWN_SHARE, swarmId: idOf(8) });
    for (let i = 0; i < 60; i++) {
      bench.pass(HEARTBEAT_MS);
      bench.stats(any);
      bench.stats(other);
    }
    expect(bench.core.snapshot()).toEqual({ swarms: [], waiting: 2 });
    expect(new Set(bench.names(any))).toEqual(new Set(["ALIVE"]));
    bench.seed();
    expect(bench.last(any, "REGISTERED")).toMatchObject({ swarmId: idOf(7) });
    expect(bench.names(other)).not.toContain("REGISTERED");
    bench.seed(0, { swarmId: idOf(8) });
    expect(bench.last(other, "REGISTERED")).toMatchObject({ swarmId: idOf(8) });
    expect(bench.core.snapshot().waiting).toBe(0);
  });

  test("one that waits and falls silent is gone", () => {
    const bench = new TrackerBench();
    const quiet = bench.register(1, { share: UNKNOWN_SHARE });
    bench.pass(GONE_AFTER_MS + HEARTBEAT_MS);
    expect(bench.dropped).toEqual([quiet]);
    expect(bench.core.snapshot().waiting).toBe(0);
  });

  test("with several swarms a peer that names none is told which there are", () => {
    const bench = new TrackerBench();
    bench.seed();
    const second = bench.seed(0, { swarmId: idOf(8), share: shareOf(3, "videos\n") });
    const lost = bench.register(1, { share: UNKNOWN_SHARE });
    expect(bench.refusal(lost)).toBe("which swarm");
    const { text } = bench.last(lost, "ERROR");
    expect(text).toContain("'arquivos' 070707070707");
    expect(text).toContain("'videos\\n' 080808080808");
    expect(text).toContain("--swarm");
    bench.close(second);
    expect(bench.names(bench.register(1, { share: UNKNOWN_SHARE }))).toEqual(["REGISTERED"]);
  });

  test("with several swarms a peer joins the one whose name or beginning of id it gives", () => {
    const bench = new TrackerBench();
    bench.seed();
    bench.seed(0, { swarmId: idOf(8), share: shareOf(3, "videos") });
    bench.seed(0, { swarmId: idOf(9), share: shareOf(4, "videos") });
    const wants = (id: number, word: string) =>
      bench.register(id, { share: { ...UNKNOWN_SHARE, name: word }, swarmId: NO_SWARM });
    expect(bench.last(wants(1, "arquivos"), "REGISTERED")).toMatchObject({ swarmId: idOf(7) });
    expect(bench.last(wants(2, "08080808"), "REGISTERED")).toMatchObject({ swarmId: idOf(8) });
    expect(bench.last(wants(3, "09".repeat(32)), "REGISTERED")).toMatchObject({ swarmId: idOf(9) });
    const unclear = wants(4, "videos");
    expect(bench.refusal(unclear)).toBe("which swarm");
    expect(bench.last(unclear, "ERROR").text).toBe(
      "Cannot choose one of 2 swarms (name one with --swarm, by its id): 'videos' 080808080808, 'videos' 090909090909",
    );
    const early = wants(5, "photos");
    expect(bench.names(early)).toEqual(["ALIVE"]);
    expect(bench.names(wants(6, "0808080"))).toEqual(["ALIVE"]); // too short for an id
    bench.seed(0, { swarmId: idOf(10), share: shareOf(5, "photos") });
    expect(bench.last(early, "REGISTERED")).toMatchObject({ swarmId: idOf(10) });
  });

  test("another version, another share under the same id and sizes that disagree are refused", () => {
    const bench = new TrackerBench();
    expect(bench.refusal(bench.register(1, { version: PROTOCOL_VERSION + 1 }))).toBe("version");
    bench.seed();
    expect(bench.refusal(bench.register(1, { share: shareOf(10, "other") }))).toBe("share differs");
    expect(bench.refusal(bench.register(1, { share: shareOf(11) }))).toBe("share differs");
    for (const registration of [
      { share: { ...SHARE, blockCount: 9 } },
      { share: { ...SHARE, blockSizeBytes: 2 ** 31 } },
      { share: { name: "", sizeBytes: MAX_BLOCKS + 1, blockSizeBytes: 1, blockCount: MAX_BLOCKS + 1 } },
      { blocks: new Bitfield(9) },
      { swarmId: NO_SWARM },
      { share: UNKNOWN_SHARE, blocks: new Bitfield(10) },
      { share: { ...UNKNOWN_SHARE, blockCount: 10 } },
      { port: 0 },
    ]) {
      expect(bench.refusal(bench.register(1, registration))).toBe("protocol");
    }
    expect(bench.swarm().peers).toHaveLength(1);
  });

  test("an id in use is refused, until its holder misses a heartbeat", () => {
    const bench = new TrackerBench();
    bench.seed();
    const holder = bench.register(1, { blocks: blocksOf(10, [1, 2]) });
    bench.pass(HEARTBEAT_MS);
    const rival = bench.register(1, { instance: 2 });
    expect(bench.refusal(rival)).toBe("peer id taken");
    expect(bench.last(rival, "ERROR").text).toContain("10.0.0.1 port 6001");
    bench.pass(HEARTBEAT_MS / 2);
    const successor = bench.register(1, { instance: 2, blocks: blocksOf(10, [2]), port: 7001 });
    expect(bench.names(successor)).toEqual(["REGISTERED"]);
    expect(bench.dropped).toContain(holder);
    bench.close(holder);
    expect(bench.peer(1)).toMatchObject({ port: 7001, blocks: 1, state: "here" });
    expect(bench.swarm().copies).toEqual({ min: 1, mean: 1.1, max: 2 });
  });

  test("a peer that calls again on a new line is taken in at once: the id is its own", () => {
    const bench = new TrackerBench();
    const holder = bench.register(1, { blocks: blocksOf(10, [1]), instance: 77 });
    const again = bench.register(1, { blocks: blocksOf(10, [1, 2]), instance: 77 });
    expect(bench.names(again)).toEqual(["REGISTERED"]);
    expect(bench.dropped).toEqual([holder]);
    expect(bench.peer(1)).toMatchObject({ blocks: 2, state: "here" });
  });

  test("a peer that listens everywhere is called where it comes from", () => {
    const bench = new TrackerBench();
    bench.seed(0, { hosts: ["0.0.0.0"] });
    bench.register(1, { hosts: ["::"] });
    bench.register(2, { hosts: [] });
    bench.register(3, { hosts: ["example.org"] });
    const hosts = bench.swarm().peers.map((peer) => peer.host);
    expect(hosts).toEqual(["10.0.0.9", "10.0.0.9", "10.0.0.9", "example.org"]);
  });

  test("nothing is answered before REGISTER, and nothing that only trackers say", () => {
    const bench = new TrackerBench();
    for (const message of [
      { type: "GET_PEERS" },
      { type: "UPDATE_BLOCKS", blocks: [1] },
      { type: "STATS", ...NO_STATS },
    ] as const) {
      const link = bench.open();
      bench.receive(link, message);
      expect(bench.refusal(link)).toBe("not registered");
    }
    const waiting = bench.register(1, { share: UNKNOWN_SHARE });
    bench.stats(waiting);
    bench.receive(waiting, { type: "GET_PEERS" });
    expect(bench.refusal(waiting)).toBe("not registered");
    for (const message of [
      { type: "SWARM_DONE", incomplete: 0 },
      { type: "ALIVE", incomplete: 0 },
      { type: "ERROR", code: "protocol", text: "" },
      { type: "PEERS", peers: [], suggested: [], registered: 0, incomplete: 0 },
      { type: "REGISTERED", swarmId: NO_SWARM, share: SHARE, expected: 0 },
    ] as const) {
      const link = bench.register(2);
      bench.receive(link, message);
      expect(bench.refusal(link)).toBe("protocol");
    }
    const twice = bench.register(3);
    bench.registerOn(twice, 3);
    expect(bench.refusal(twice)).toBe("protocol");
  });

  test("messages that were on their way when their link was dropped are ignored", () => {
    const bench = new TrackerBench();
    const link = bench.register(1, { version: PROTOCOL_VERSION + 1 });
    bench.registerOn(link, 1);
    bench.close(link);
    expect(bench.names(link)).toEqual(["ERROR"]);
    expect(bench.core.snapshot().swarms).toEqual([]);
  });
});

describe("silence", () => {
  test("a peer that is silent for three heartbeats is gone, one that is heard of is not", () => {
    const bench = new TrackerBench();
    const quiet = bench.seed();
    const alive = bench.register(1);
    for (let i = 0; i < 10; i++) {
      bench.pass(HEARTBEAT_MS);
      bench.stats(alive);
    }
    expect(bench.dropped).toEqual([quiet]);
    expect(bench.peer(0).state).toBe("gone");
    expect(bench.peer(1).state).toBe("here");
    expect(bench.swarm().copies.max).toBe(0);
    expect(bench.getPeers(alive).peers).toEqual([]);
  });

  test("each heartbeat is answered, so that a line that died is noticed at its other end too", () => {
    const bench = new TrackerBench();
    bench.seed();
    const link = bench.register(1);
    for (let i = 0; i < 3; i++) {
      bench.pass(HEARTBEAT_MS);
      bench.stats(link);
      expect(bench.last(link, "ALIVE").incomplete).toBe(1);
    }
    expect(bench.names(link)).toEqual(["REGISTERED", "ALIVE", "ALIVE", "ALIVE"]);
  });

  test("any message is a sign of life", () => {
    const bench = new TrackerBench();
    const link = bench.register(1);
    for (const say of [() => bench.getPeers(link), () => bench.update(link, 1), () => bench.stats(link)]) {
      bench.pass(GONE_AFTER_MS - 1);
      say();
    }
    expect(bench.dropped).toEqual([]);
  });

  test("a tracker that was held up itself does not blame the peers", () => {
    const bench = new TrackerBench();
    const first = bench.seed();
    const second = bench.register(1);
    bench.nowMs += 60_000;
    bench.stats(first);
    bench.stats(second);
    bench.pass(HEARTBEAT_MS);
    expect(bench.dropped).toEqual([]);
    bench.pass(GONE_AFTER_MS);
    expect(bench.dropped.sort()).toEqual([first, second]);
  });

  test("a link that does not register is dropped", () => {
    const bench = new TrackerBench();
    const link = bench.open();
    bench.pass(HANDSHAKE_TIMEOUT_MS);
    expect(bench.dropped).toEqual([]);
    bench.pass(HEARTBEAT_MS);
    expect(bench.dropped).toEqual([link]);
  });

  test("the tracker asks for no ticks when there is nothing to watch", () => {
    const bench = new TrackerBench();
    expect(bench.core.nextDeadlineMs()).toBe(Number.POSITIVE_INFINITY);
    bench.close(bench.seed());
    expect(bench.core.nextDeadlineMs()).toBeLessThan(Number.POSITIVE_INFINITY);
    bench.pass(FORGET_SWARM_MS + HEARTBEAT_MS);
    expect(bench.core.nextDeadlineMs()).toBe(Number.POSITIVE_INFINITY);
  });

  test("a deserted swarm stays to be seen, and is forgotten in the end", () => {
    const bench = new TrackerBench(1);
    const link = bench.seed();
    bench.stats(link, { upBytes: 99, upBytesPerSecond: 5, unchoked: [1] });
    bench.close(link);
    bench.pass(FORGET_SWARM_MS - HEARTBEAT_MS);
    expect(bench.swarm()).toMatchObject({ complete: 1, done: true });
    expect(bench.peer(0)).toMatchObject({
      state: "left",
      complete: true,
      upBytes: 99,
      upBytesPerSecond: 0,
      unchoked: [],
    });
    bench.pass(2 * HEARTBEAT_MS);
    expect(bench.core.snapshot().swarms).toEqual([]);
    expect(bench.kinds().at(-1)).toBe("forgotten");
  });
});

describe("limits", () => {
  test("a new swarm takes the place of the one that was deserted first, never of a living one", () => {
    const bench = new TrackerBench();
    const links = Array.from({ length: MAX_SWARMS }, (_, i) => bench.seed(0, { swarmId: idOf(i + 1) }));
    expect(bench.refusal(bench.seed(0, { swarmId: idOf(200) }))).toBe("too many");
    bench.close(links[20] as number);
    bench.pass(1);
    bench.close(links[10] as number);
    expect(bench.names(bench.seed(0, { swarmId: idOf(200) }))).toEqual(["REGISTERED"]);
    const ids = bench.core.snapshot().swarms.map((swarm) => swarm.id.slice(0, 2));
    expect(ids).toHaveLength(MAX_SWARMS);
    expect(ids).not.toContain("15");
    expect(ids).toContain("0b");
  });

  test("untrusted peers cannot fill the memory with huge swarms", () => {
    const bench = new TrackerBench();
    const share = shareOf(MAX_BLOCKS);
    for (let i = 1; i <= 8; i++) {
      expect(bench.names(bench.register(0, { swarmId: idOf(i), share }))).toEqual(["REGISTERED"]);
    }
    expect(bench.refusal(bench.register(0, { swarmId: idOf(9), share }))).toBe("too many");
  });

  test("as many wait as a swarm may have, and then the queue has an end", () => {
    const bench = new TrackerBench();
    for (let id = 0; id < MAX_WAITING_PEERS; id++) {
      bench.register(id, { share: UNKNOWN_SHARE });
    }
    expect(MAX_WAITING_PEERS).toBe(MAX_SWARM_PEERS);
    expect(bench.refusal(bench.register(30_000, { share: UNKNOWN_SHARE }))).toBe("too many");
    bench.seed(30_001);
    expect(bench.core.snapshot().waiting).toBe(0);
    expect(bench.swarm().peers).toHaveLength(MAX_SWARM_PEERS);
  });
});
