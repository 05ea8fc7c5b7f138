import type { SwarmModel } from "../model/swarm_model.ts";
import type { Palette } from "./theme.ts";

/** What every view draws from. */
export interface Scene {
  readonly swarm: SwarmModel;
  /** The events' clock. */
  readonly nowMs: number;
  /** How long the recording is; undefined when live. */
  readonly endMs: number | undefined;
  readonly palette: Palette;
  /** The peer somebody chose, in whichever view: all of them bring it out. */
  readonly chosen: number | undefined;
}

/** A part of the page. */
export interface View {
  readonly element: HTMLElement;
  /** How often at most it is drawn: nobody can read numbers that change with every frame. */
  readonly everyMs: number;
  /** With many peers it takes long to draw: it does not share a frame with others that do. */
  readonly takesLong: boolean;
  draw(scene: Scene): void;
}

/** Somebody chose a peer, or let go of it. */
export type Choose = (peer: number | undefined) => void;
