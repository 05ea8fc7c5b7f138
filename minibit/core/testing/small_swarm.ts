/** The peers of a swarm of 8 blocks, of one unit each. */
import { Bitfield } from "../share/bitfield.ts";
import { Geometry } from "../share/geometry.ts";
import { ScriptedPeer } from "./scripted_peer.ts";

export const UNIT = 1024;
/** 8 blocks of one unit. */
export const GEOMETRY = new Geometry(8 * UNIT, UNIT);

export function address(id: number) {
  return { id, hosts: ["127.0.0.1"], port: 6000 + id };
}

export function seed(): ScriptedPeer {
  const peer = new ScriptedPeer();
  peer.open(GEOMETRY, Bitfield.full(8));
  return peer;
}

export function leecher(): ScriptedPeer {
  const peer = new ScriptedPeer();
  peer.open(GEOMETRY, new Bitfield(8));
  return peer;
}

/** A leecher that a neighbour with everything has unchoked: it has asked for blocks. */
export function asking(): ScriptedPeer {
  const peer = leecher();
  peer.greet(1, 9);
  peer.say(1, { type: "BLOCKS", blocks: Bitfield.full(8) });
  peer.say(1, { type: "UNCHOKE" });
  return peer;
}
