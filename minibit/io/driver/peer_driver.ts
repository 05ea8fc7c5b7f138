import { CoreDriver } from "../../core/base/core_driver.ts";
import { ManifestError, ProtocolError, UserError } from "../../core/base/errors.ts";
import { HANDSHAKE_TIMEOUT_MS, HEARTBEAT_MS } from "../../core/base/limits.ts";
import type { Dialed } from "../../core/link/link.ts";
import type { PeerEvent, PeerInput, PeerOutput } from "../../core/link/peer_io.ts";
import type { Unit } from "../../core/link/unit.ts";
import { PeerCore, type PeerCoreOptions } from "../../core/peer/peer_core.ts";
import { Geometry } from "../../core/share/geometry.ts";
import { type Manifest, parseManifest } from "../../core/share/manifest.ts";
import { type PeerMessage, type PeerMessages, peerWire } from "../../core/wire/peer_wire.ts";
import type { PeerAddress } from "../../core/wire/tracker_wire.ts";
import { connectToOneOf } from "../net/connect_framed.ts";
import type { FrameHandlers, Traffic } from "../net/framed_socket.ts";
import { DeadlineTimer } from "../os/deadline_timer.ts";
import { dialable } from "../os/own_addresses.ts";
import type { BlockStore } from "../store/block_store.ts";
import { swarmIdOf } from "../store/share.ts";
import { BlockServer } from "./block_server.ts";
import { IncomingBlocks } from "./incoming_blocks.ts";
import { type BlockMessage, type PeerConnection, PeerConnections, type PeerSocket } from "./peer_connections.ts";

/** A share that is open: what it is, and where its blocks are kept. */
export interface OpenShare {
  readonly manifestBytes: Uint8Array;
  readonly manifest: Manifest;
  readonly store: BlockStore;
}

/** What the owner of a PeerDriver gives and wants to hear. */
export interface PeerDriverOptions extends PeerCoreOptions {
  /** Messages and bytes of all links. */
  readonly traffic: Traffic<PeerMessages>;
  /** Opens the store for a manifest that was fetched and is the swarm's. */
  readonly openStore: (manifest: Manifest, manifestBytes: Uint8Array) => Promise<BlockStore>;
  readonly onAnnounce: (blocks: readonly number[]) => void;
  readonly onFindPeers: () => void;
  readonly onEvent: (event: PeerEvent) => void;
  /** The share is known: at once for a seed or a resumed peer, else when the manifest came. */
  readonly onOpened: (share: OpenShare) => void;
  /** All blocks are verified and stored. */
  readonly onDone: () => void;
  /** This peer cannot go on: disk full, source changed. What was verified is kept. */
  readonly onFatal: (error: unknown) => void;
}

/**
 * The driver of one PeerCore: carries out on Bun's sockets and a BlockStore what the core decides.
 *
 * Payload never passes through the core. Each chunk a socket delivers is hashed and written at its place as it is, in
 * the turn of the event loop in which it came; what is sent is read straight into the connection's send buffer.
 */
export class PeerDriver {
  readonly #options: PeerDriverOptions;
  readonly #core: PeerCore;
  readonly #connections = new PeerConnections();
  /** Payload bytes kept, by the peer that sent them. */
  readonly #bytesFrom = new Map<number, number>();
  #share: OpenShare | undefined;
  #incoming: IncomingBlocks | undefined;
  #server: BlockServer | undefined;
  readonly #loop: CoreDriver<PeerInput, PeerOutput>;
  readonly #deadline = new DeadlineTimer(() => this.#input({ type: "tick" }));
  readonly #beatTimer = setInterval(() => this.#beat(), HEARTBEAT_MS);
  #failed = false;

  constructor(options: PeerDriverOptions) {
    this.#options = options;
    this.#core = new PeerCore(options, performance.now());
    this.#loop = new CoreDriver(this.#core, {
      nowMs: () => performance.now(),
      act: (output) => this.#act(output),
      arm: (deadlineMs) => this.#deadline.set(deadlineMs),
    });
    this.#input({ type: "tick" });
  }

  /** SHA-256 of the manifest, 32 bytes. */
  get swarmId(): Uint8Array {
    return this.#options.swarmId;
  }

  get core(): PeerCore {
    return this.#core;
  }

  get share(): OpenShare | undefined {
    return this.#share;
  }

  /** How many peers sent bytes that were kept. */
  get sources(): ReadonlyMap<number, number> {
    return this.#bytesFrom;
  }

  /** Nothing is read from neighbours until the disk has caught up. */
  get isWaitingForDisk(): boolean {
    return this.#connections.isPaused;
  }

  /** Milliseconds spent on hashing what came, and on waiting for the disk. */
  get work(): { readonly hashMs: number; readonly diskMs: number } {
    return this.#incoming?.work ?? { hashMs: 0, diskMs: 0 };
  }

  /** What is open to neighbours. */
  get sockets(): Iterable<PeerSocket> {
    return this.#connections.sockets;
  }

  /** The share is known without asking anybody: this peer is the seed, or was here before. */
  open(share: OpenShare): void {
    this.#share = share;
    const { manifest, manifestBytes, store } = share;
    this.#incoming = new IncomingBlocks(share, {
      onFull: (isFull) => this.#connections.setPaused(isFull),
      onError: (error) => this.#fail(error),
    });
    this.#server = new BlockServer(store, {
      input: (input) => this.#input(input),
      onError: (error) => this.#fail(error),
    });
    this.#options.onOpened(share);
    this.#input({
      type: "manifest_opened",
      geometry: new Geometry(manifest.sizeBytes, manifest.blockSizeBytes),
      have: store.found.clone(),
      manifest: manifestBytes,
    });
  }

  /** Somebody calls: for `framed`. */
  accept(socket: PeerSocket): FrameHandlers<PeerMessages> {
    return this.#connected(socket, undefined);
  }

  /** The tracker named peers and rare blocks. */
  peersFound(peers: readonly PeerAddress[], suggested: readonly number[]): void {
    this.#input({ type: "peers_found", peers, suggested });
  }

  /** Closes all links; what is being written is finished. */
  async close(): Promise<void> {
    this.#loop.stop();
    this.#deadline.stop();
    clearInterval(this.#beatTimer);
    this.#connections.close();
    await this.#incoming?.idle();
    await this.#share?.store.close();
  }

  #connected(socket: PeerSocket, dialed: Dialed | undefined): FrameHandlers<PeerMessages> {
    const connection = this.#connections.add(socket);
    const { link, watch } = connection;
    return {
      onStart: () => {
        if (this.#connections.isPaused) {
          socket.pause();
        }
        this.#input({ type: "link_opened", link, ...(dialed === undefined ? {} : { dialed }) });
      },
      onMessage: (message) => {
        watch.heard();
        if (message.type === "HELLO") {
          connection.peerId = message.peerId;
        }
        this.#input({ type: "received", link, message });
      },
      onPayloadStart: (message) => {
        const verdict = this.#core.judge(link, message);
        if (verdict === "unsolicited") {
          throw new ProtocolError(`Cannot use block ${message.block}: it was not asked for`);
        }
        connection.payload = { message, at: message.offset, wanted: verdict === "wanted" };
        return true;
      },
      onPayload: (message, slice, last) => this.#payload(connection, { message, slice, last }),
      onPayloadSent: () => this.#input({ type: "unit_served", link }),
      onClosed: () => this.#disconnected(connection),
    };
  }

  #beat(): void {
    this.#connections.beat(this.#core.liveLinks(), (peerId) => this.#options.onEvent({ kind: "silent", peerId }));
  }

  #disconnected({ link, payload }: PeerConnection): void {
    this.#connections.delete(link);
    const block = payload?.message.block ?? -1;
    const part = { block, receivedBytes: this.#incoming?.receivedBytes(block) ?? 0 };
    this.#input({ type: "link_closed", link, ...(payload === undefined ? {} : { part }) });
  }

  #payload(
    connection: PeerConnection,
    came: { readonly message: BlockMessage; readonly slice: Uint8Array; readonly last: boolean },
  ): void {
    const { message, slice, last } = came;
    const { link, payload, peerId = -1 } = connection;
    connection.watch.heard();
    if (payload?.wanted === true) {
      const at = payload.at;
      payload.at += slice.length;
      // asked again where a block begins: another peer may have brought all of it since this payload began
      if (this.#incoming?.has(message.block) === true || this.#core.judge(link, message) === "wanted") {
        const kept = this.#incoming?.append(message.block, { at, bytes: slice, peerId }) ?? 0;
        this.#bytesFrom.set(peerId, (this.#bytesFrom.get(peerId) ?? 0) + kept);
      }
    }
    if (last) {
      connection.payload = undefined;
      const receivedBytes = this.#incoming?.receivedBytes(message.block) ?? 0;
      this.#input({ type: "received", link, message, receivedBytes });
    }
  }

  #input(input: PeerInput): void {
    this.#loop.input(input);
  }

  #act(output: PeerOutput): void {
    switch (output.type) {
      case "send":
        this.#connections.send(output.link, output.message as Exclude<PeerMessage, BlockMessage>);
        break;
      case "serve_unit":
        this.#serve(output.link, output.unit);
        break;
      case "dial":
        void this.#dial(output.address);
        break;
      case "drop":
        this.#connections.get(output.link)?.socket.close(output.reason);
        break;
      case "store_block":
        void this.#storeBlock(output.block);
        break;
      case "check_block":
        this.#server?.check(output.block, output.link);
        break;
      case "discard_block":
        this.#incoming?.discard(output.block);
        break;
      case "open_manifest":
        void this.#openManifest(output.link, output.bytes);
        break;
      case "announce":
        this.#options.onAnnounce(output.blocks);
        break;
      case "find_peers":
        this.#options.onFindPeers();
        break;
      case "done":
        this.#options.onDone();
        break;
      case "event":
        this.#options.onEvent(output.event);
        break;
    }
  }

  #serve(link: number, unit: Unit): void {
    const connection = this.#connections.get(link);
    connection?.watch.spoke();
    if (connection !== undefined) {
      this.#server?.serve(connection, unit); // otherwise link_closed is on its way to the core
    }
  }

  async #dial(address: PeerAddress): Promise<void> {
    const { id, hosts, port } = address;
    const result = await connectToOneOf(peerWire, {
      // a link-local address is told without the zone that it needs here
      addresses: hosts.flatMap((host) => dialable(host).map((zoned) => ({ host: zoned, told: host, port }))),
      timeoutMs: HANDSHAKE_TIMEOUT_MS,
      traffic: this.#options.traffic,
      accept: (socket, { told }) => this.#connected(socket, { id, host: told }),
    });
    if (!result.ok) {
      this.#input({ type: "dial_failed", address });
    }
  }

  async #storeBlock(block: number): Promise<void> {
    try {
      const verdict = await this.#incoming?.finish(block);
      if (verdict !== undefined && !this.#failed) {
        const { ok, culprit } = verdict;
        this.#input({ type: ok ? "block_stored" : "block_corrupt", block, ...(culprit !== undefined && { culprit }) });
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  async #openManifest(link: number, bytes: Uint8Array): Promise<void> {
    if (!swarmIdOf(bytes).every((byte, i) => byte === this.#options.swarmId[i])) {
      this.#input({ type: "manifest_refused", link });
      return;
    }
    try {
      const manifest = parseManifest(bytes, { platform: process.platform });
      this.open({ manifest, manifestBytes: bytes, store: await this.#options.openStore(manifest, bytes) });
    } catch (error) {
      this.#fail(error instanceof ManifestError ? new UserError(error.message, { cause: error }) : error);
    }
  }

  #fail(error: unknown): void {
    if (!this.#loop.isStopped) {
      this.#failed = true;
      this.#options.onFatal(error);
    }
  }
}
