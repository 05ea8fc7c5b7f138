/** Peers with several addresses: what the tracker makes of them, and what a peer does that calls them. */
import { expect, test } from "bun:test";
import { MAX_PEER_HOSTS } from "../base/limits.ts";
import { Bitfield } from "../share/bitfield.ts";
import { Geometry } from "../share/geometry.ts";
import { ScriptedPeer, SWARM_ID } from "../testing/scripted_peer.ts";
import { TrackerBench } from "../testing/tracker_bench.ts";
import { trackerWire } from "../wire/tracker_wire.ts";
import { helloOf } from "./handshake.ts";

test("a peer is called at all it told, then where it comes from, and at loopback addresses last", () => {
  const bench = new TrackerBench();
  const asking = bench.seed();
  const told = ["127.0.0.1", "10.1.0.1", "::ffff:10.2.0.1", "fe80::1%eth0", "localhost", "::1", "10.1.0.1"];
  bench.register(1, { hosts: told });
  const hosts = ["10.1.0.1", "10.2.0.1", "fe80::1", "10.0.0.9", "127.0.0.1", "localhost", "::1"];
  expect(bench.getPeers(asking).peers).toEqual([{ id: 1, hosts, port: 6001 }]);
  expect(bench.peer(1)).toMatchObject({ host: "10.1.0.1", hosts });
});

test("a peer that tells as many addresses as it may leaves room for the one it comes from", () => {
  const bench = new TrackerBench();
  const asking = bench.seed();
  const told = Array.from({ length: MAX_PEER_HOSTS - 1 }, (_, i) => `10.1.0.${i}`);
  bench.register(1, { hosts: told });
  const [peer] = bench.getPeers(asking).peers;
  expect(peer?.hosts).toEqual([...told, "10.0.0.9"]);
  expect(() => trackerWire.encode(bench.getPeers(asking))).not.toThrow();
});

test("a registered peer may tell of other addresses; those who ask later hear of them", () => {
  const bench = new TrackerBench();
  const moving = bench.seed();
  const asking = bench.register(1);
  bench.receive(moving, { type: "UPDATE_HOSTS", hosts: ["10.0.0.1", "10.1.0.1"] });
  expect(bench.getPeers(asking).peers).toEqual([{ id: 0, hosts: ["10.0.0.1", "10.1.0.1", "10.0.0.9"], port: 6000 }]);
});

test("when another peer lives at an address, or nobody who greets, the peer's next ones are tried", () => {
  const peer = new ScriptedPeer();
  peer.open(new Geometry(8 * 1024, 1024), new Bitfield(8));
  const several = { id: 2, hosts: ["172.17.0.1", "10.9.0.2", "10.0.0.2"], port: 6000 };
  const dials = () => peer.outputs.flatMap((output) => (output.type === "dial" ? [output.address.hosts] : []));
  peer.input({ type: "peers_found", peers: [several], suggested: [] });
  peer.input({ type: "link_opened", link: 5, dialed: { id: 2, host: "172.17.0.1" } });
  peer.say(5, helloOf({ peerId: 3, swarmId: SWARM_ID }));
  expect(peer.dropped(5)).toBe("other peer");
  peer.runTo(1000);
  peer.input({ type: "link_opened", link: 6, dialed: { id: 2, host: "10.9.0.2" } });
  peer.input({ type: "link_closed", link: 6 });
  peer.runTo(1500);
  expect(dials()).toEqual([several.hosts, ["10.9.0.2", "10.0.0.2"], ["10.0.0.2"]]);
  peer.input({ type: "link_opened", link: 7, dialed: { id: 2, host: "10.0.0.2" } });
  peer.say(7, helloOf({ peerId: 2, swarmId: SWARM_ID }));
  expect([...peer.core.liveLinks()].map(({ peerId }) => peerId)).toEqual([2]);
});
