import { PROTOCOL_VERSION } from "../../minibit/core/base/limits.ts";
import { createRng } from "../../minibit/core/base/rng.ts";
import type { SessionOptions } from "../../minibit/core/peer/swarm_session.ts";
import { peerWire } from "../../minibit/core/wire/peer_wire.ts";
import { PeerDriver } from "../../minibit/io/driver/peer_driver.ts";
import { TrackerClient } from "../../minibit/io/driver/tracker_client.ts";
import { createTraffic, framed } from "../../minibit/io/net/framed_socket.ts";
import { parseAddress } from "../../minibit/io/os/units.ts";
import type { BlockStore } from "../../minibit/io/store/block_store.ts";
import { openSeed } from "../../minibit/io/store/open_store.ts";
import { swarmIdOf } from "../../minibit/io/store/share.ts";
import { HOST } from "./test_bed.ts";

/** A peer with the whole share in this process, with the product's own driver: its core can be looked into. */
export interface CustomSeed {
  readonly driver: PeerDriver;
  /** Resolves when the tracker knows it. */
  readonly registered: Promise<void>;
  /** Resolves when the whole group is complete. */
  readonly swarmDone: Promise<void>;
  close(): Promise<void>;
}

/** Starts a seed. @param options.wrap exchanges its store for one that lies */
export async function startCustomSeed(
  options: SessionOptions & {
    readonly peerId: number;
    readonly tracker: string;
    readonly source: string;
    readonly dir: string;
    readonly blockSizeBytes?: number;
    readonly wrap?: (store: BlockStore) => BlockStore;
  },
): Promise<CustomSeed> {
  const { tracker, source, peerId, wrap = (store) => store } = options;
  const { manifest, manifestBytes, store } = await openSeed(source, { ...options, store: "direct" });
  const { name, sizeBytes, blockSizeBytes, blockCount } = manifest;
  const traffic = createTraffic(peerWire);
  const swarmId = swarmIdOf(manifestBytes);
  const driver = new PeerDriver({
    ...options,
    swarmId,
    traffic,
    rng: createRng(1),
    openStore: () => Promise.resolve(store),
    onAnnounce: () => undefined,
    onFindPeers: () => undefined,
    onEvent: () => undefined,
    onOpened: () => undefined,
    onDone: () => undefined,
    onFatal(error) {
      throw error;
    },
  });
  driver.open({ manifest, manifestBytes, store: wrap(store) });
  const listener = Bun.listen({
    hostname: HOST,
    port: 0,
    socket: framed(peerWire, { traffic, accept: (socket) => driver.accept(socket) }),
  });
  const { promise: registered, resolve: onRegistered } = Promise.withResolvers<void>();
  const { promise: swarmDone, resolve: onSwarmDone } = Promise.withResolvers<void>();
  const client = new TrackerClient({
    tracker: parseAddress(tracker),
    register: () => ({
      ...{ version: PROTOCOL_VERSION, swarmId, share: { name, sizeBytes, blockSizeBytes, blockCount } },
      ...{ peerId, name: `peer ${peerId}`, hosts: [HOST], port: listener.port, blocks: store.found },
      ...{ instance: peerId, done: true },
    }),
    stats: () => ({
      ...{ downBytesPerSecond: 0, upBytesPerSecond: 0, downBytes: 0, upBytes: 0, duplicateBytes: 0, hashFailures: 0 },
      ...{ unchoked: [], optimistic: [], chokedBy: 0, neighbours: 0, messages: [], done: true },
      ...{ activity: "complete", flows: [], fetching: [] },
    }),
    onRegistered: () => onRegistered(),
    onPeers: ({ peers, suggested }) => driver.peersFound(peers, suggested),
    onSwarmDone: () => onSwarmDone(),
    onRefused({ text }) {
      throw new Error(text);
    },
  });
  const close = async (): Promise<void> => {
    client.close();
    listener.stop();
    await driver.close();
  };
  return { driver, registered, swarmDone, close };
}
