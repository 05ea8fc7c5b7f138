import { assert } from "../base/errors.ts";
import { DEFAULT_SLOTS, MAX_OWNERS } from "../base/limits.ts";
import type { Unit } from "../link/unit.ts";
import type { PeerMessage } from "../wire/peer_wire.ts";
import type { MemoryPeer, MemorySwarm } from "./memory_swarm.ts";

/** What was seen on the wires of a swarm. */
export interface Watched {
  /** Messages by type. */
  readonly messages: Map<PeerMessage["type"], number>;
  /** Most neighbours that one peer had unchoked at a time. */
  mostUnchoked: number;
  /** What peer 0 had sent when every block was announced by somebody else. */
  bytesToCoverage: number | undefined;
  /** Fails unless every REQUEST on a connection that still stands was answered. */
  readonly checkAnswered: () => void;
}

/**
 * Watches a swarm and fails at the first breach of what must always hold:
 * one owner a block but in endgame, one answer a REQUEST, nothing fetched that is held, 4 + 1 unchoked.
 */
export function watchSwarm(swarm: MemorySwarm): Watched {
  const owed = new Map<number, Map<string, number>>();
  const unchoked = new Map<MemoryPeer, Set<string>>();
  const owners = new Map<MemoryPeer, Map<number, number>>();
  const announced = new Set<number>();
  const watched: Watched = {
    messages: new Map(),
    mostUnchoked: 0,
    bytesToCoverage: undefined,
    checkAnswered: () => {
      for (const [connection, units] of owed) {
        for (const [unit, count] of units) {
          assert(count === 0, () => `connection ${connection}: ${count} answers for ${unit} are missing`);
        }
      }
    },
  };

  function count(options: { readonly connection: number; readonly key: string; readonly change: 1 | -1 }): void {
    const { connection, key, change } = options;
    const units = owed.get(connection) ?? new Map<string, number>();
    const left = (units.get(key) ?? 0) + change;
    assert(left >= 0, () => `connection ${connection}: an answer too many for ${key}`);
    owed.set(connection, units.set(key, left));
  }

  swarm.spy = (from, to, message, connection) => {
    watched.messages.set(message.type, (watched.messages.get(message.type) ?? 0) + 1);
    const slots = unchoked.get(from) ?? new Set<string>();
    unchoked.set(from, slots);
    switch (message.type) {
      case "REQUEST":
        assert(
          from.core.session?.have.has(message.block) === false,
          () => `${from.id} asks for ${message.block}, which it holds`,
        );
        count({ connection, key: keyOf(from, message), change: 1 });
        break;
      case "BLOCK":
        assert(from.options.slots !== 0, () => `${from.id} has no slots and gives a block`);
        count({ connection, key: keyOf(to, message), change: -1 });
        break;
      case "REJECT":
        count({ connection, key: keyOf(to, message), change: -1 });
        break;
      case "UNCHOKE":
        slots.add(`${connection}`);
        watched.mostUnchoked = Math.max(watched.mostUnchoked, slots.size);
        assert(slots.size <= (from.options.slots ?? DEFAULT_SLOTS), () => `${from.id} has ${slots.size} unchoked`);
        break;
      case "CHOKE":
        assert(slots.delete(`${connection}`), `${from.id} chokes ${to.id} twice`);
        break;
      case "UPDATE_BLOCKS":
        if (from.id !== 0) {
          for (const block of message.blocks) {
            announced.add(block);
          }
          if (announced.size === swarm.geometry.blockCount) {
            watched.bytesToCoverage ??= swarm.peers[0]?.servedBytes;
          }
        }
        break;
      default:
        break;
    }
  };
  swarm.closed = (connection) => {
    owed.delete(connection);
    for (const slots of unchoked.values()) {
      slots.delete(`${connection}`);
    }
  };
  swarm.check = (peer) => {
    const before = owners.get(peer);
    const now = new Map<number, number>();
    for (const { block, owners: links } of peer.core.session?.scheduler.fetching() ?? []) {
      now.set(block, links.length);
      const had = before?.get(block) ?? 0;
      const isNew = links.length > 1 && had < links.length;
      assert(links.length <= MAX_OWNERS, () => `block ${block} has ${links.length} owners`);
      assert(
        !isNew || peer.core.session?.scheduler.rarity.length === 0,
        () => `block ${block} has two owners before endgame`,
      );
    }
    owners.set(peer, now);
  };
  return watched;
}

function keyOf(asker: MemoryPeer, { block, offset, length }: Unit): string {
  return `${asker.id}: ${length} bytes at ${offset} of block ${block}`;
}
