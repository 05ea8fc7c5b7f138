// Room core/base: bounds, errors, seeded random numbers, rates, times and counts as text: what every other room may use.
// It imports no other room. Nothing here knows what a peer, a message or a share is, but for the bounds.

/**
 * The bounds that several modules share, each with its unit in the name and its reason beside it.
 *
 * They cap what an untrusted peer can make us allocate, wait for or store. A constant that only one module uses stands in that
 * module.
 */

const KIB = 1024;
const MIB = 1024 * KIB;

/** Version of both protocols. A peer or tracker that speaks another version gets an error and is disconnected. */
export const PROTOCOL_VERSION = 4;

/** Smallest block. The original coursework used this size, so that even a small text makes several blocks. */
export const MIN_BLOCK_BYTES = 1 * KIB;
/** Fewest blocks a share has by default, unless it is tiny: enough for a swarm of 100. */
export const MIN_DEFAULT_BLOCKS = 1024;
/** A block above this size is large. Large blocks are the default only for shares of at least MIN_LARGE_BLOCKS of them. */
export const LARGE_BLOCK_BYTES = 1 * MIB;
/**
 * Fewest blocks a share must have for LARGE_BLOCK_BYTES to be exceeded by default. A lone seed gives each newcomer one block before
 * anybody can pass one on. With 30 peers at 50 Mbit/s this takes 12 s with blocks of 4 MiB, and 4 s with 1 MiB.
 */
export const MIN_LARGE_BLOCKS = 4096;
/** Largest default block, for shares of 16 GiB and more. */
export const MAX_DEFAULT_BLOCK_BYTES = 4 * MIB;
/** Largest block a user may ask for. A bad hash costs a whole block. */
export const MAX_BLOCK_BYTES = 64 * MIB;
/** Most blocks a share may have: bounds bitfields (128 KiB) and the picker's tables (tens of MiB). */
export const MAX_BLOCKS = 1 << 20;
/** From this size on `auto` picks the direct store: a second copy on disk costs as much as the transfer. */
export const DIRECT_STORE_FROM_BYTES = 64 * MIB;

/** Smallest unit requested once the pipeline is full: BitTorrent's 16 KiB. A block may be smaller. */
export const MIN_UNIT_BYTES = 16 * KIB;
/**
 * Largest unit on a slow link, where a unit is a quarter of its block. A unit of any size costs about 0.3 ms of processor time. All
 * links are slow while a swarm of many peers on few processors starts, and smaller units would keep it from growing. Larger
 * ones gain nothing: a slow link keeps the same number of bytes in flight, and bytes that wait in a leecher's socket delay its own
 * requests and acknowledgements.
 */
export const MAX_SLOW_UNIT_BYTES = 64 * KIB;
/** Largest unit of one REQUEST: one read from disk, one send buffer. With 256 KiB, fast links cost a sixth more processor time. */
export const MAX_UNIT_BYTES = MIB;
/** How long a unit should take at the link's rate. Longer units need fewer frames, but a choke takes effect later. */
export const UNIT_TARGET_MS = 64;
/** How long a unit may take on a fast link at most: many short units would keep the processor busy, at about 0.3 ms each. */
export const MAX_UNIT_TARGET_MS = 256;
/** A link is fast above this rate, in bytes a second. Its units take longer in proportion. */
export const QUICK_LINK_RATE = 1_000_000;
/** Fewest units in a block, and fewest of 16 KiB in flight: an uploader then has a whole block of 64 KiB to serve in one turn. */
export const MIN_PIPELINE_UNITS = 4;
/** Fewest units in flight on a fast link, whose units take longer than a round trip: one is requested while another arrives. */
export const MIN_QUICK_PIPELINE_UNITS = 2;
/** Most units in flight on a link. The uploader accepts twice as many, so that peers with other settings work too. */
export const MAX_PIPELINE_UNITS = 256;
/** Round trips of data in flight on a link: with two, the rate can double in each round trip. */
export const PIPELINE_ROUND_TRIPS = 2;
/** Least time of data in flight on a link: covers a busy event loop on the other side. */
export const MIN_PIPELINE_MS = 50;
/** Most time of data in flight on a link: a longer round trip means a queue, which more requests would only lengthen. */
export const MAX_PIPELINE_MS = 1000;
/** Requests one neighbour may have queued here. Each further one gets REJECT at once. */
export const MAX_QUEUED_REQUESTS = 2 * MAX_PIPELINE_UNITS;

/** Largest frame body that is not a BLOCK: a full bitfield or a slice of the manifest fits easily. */
export const MAX_CONTROL_FRAME_BYTES = 512 * KIB;
/** Largest BLOCK frame: a unit and its fields. */
export const MAX_BLOCK_FRAME_BYTES = MAX_UNIT_BYTES + 64;
/** Largest manifest: a million files with long names. It is fetched in slices and kept once. */
export const MAX_MANIFEST_BYTES = 256 * MIB;
/** One slice of the manifest on the wire. */
export const MANIFEST_SLICE_BYTES = 256 * KIB;
/** Most block numbers or runs in one message. A longer announcement is split. */
export const MAX_RUNS = 4096;
/** Most blocks in one SUGGEST or ALLOW: a hint, not an inventory. */
export const MAX_HINT_BLOCKS = 64;
/** Longest share, host or display name in UTF-8 bytes: what file systems allow for one name. */
export const MAX_NAME_BYTES = 255;
/** Most addresses of one peer: a machine has a few networks, in two address families. One is left free for the address the tracker sees. */
export const MAX_PEER_HOSTS = 8;
/** Longest path inside a share in UTF-8 bytes: Linux's PATH_MAX. */
export const MAX_PATH_BYTES = 4096;
/** Longest error text a tracker may send. */
export const MAX_ERROR_BYTES = 1024;

/** Peers one GET_PEERS answer may hold: enough neighbours for rarest first (Legout 2006 uses up to 80). */
export const MAX_PEERS_ANSWERED = 30;
/** With fewer others than this the tracker answers with all of them: a tiny swarm is a full mesh. */
export const FULL_MESH_PEERS = 5;
/** Suggested blocks in one GET_PEERS answer. */
export const MAX_SUGGESTED_BLOCKS = 16;
/** Neighbours we dial ourselves. */
export const MAX_DIALED_LINKS = 30;
/** Neighbours in all: about twice what we dial, so that latecomers find peers that still accept links. */
export const MAX_LINKS = 64;
/** Swarms one tracker keeps. */
export const MAX_SWARMS = 64;
/** Peers one swarm may hold. */
export const MAX_SWARM_PEERS = 20_000;
/** Blocks of all swarms of one tracker together: bounds its tables (10 bytes a block) whatever untrusted peers register. */
export const MAX_TRACKED_BLOCKS = 8 * MAX_BLOCKS;
/** Registrations that may wait for their swarm to appear: as many as the swarm may hold. */
export const MAX_WAITING_PEERS = MAX_SWARM_PEERS;
/** Blocks a tracker examines for one list of suggestions. A peer that lacks none of that many rare blocks needs no suggestion. */
export const MAX_SUGGESTION_LOOKS = 1 << 16;

/** Regular slots. Reciprocation needs few: BitTorrent has used four since Cohen 2003. */
export const REGULAR_SLOTS = 4;
/** Optimistic slots: one, to discover better partners. */
export const OPTIMISTIC_SLOTS = 1;
/** Upload slots of a peer, unless the user sets another number. */
export const DEFAULT_SLOTS = REGULAR_SLOTS + OPTIMISTIC_SLOTS;
/** Blocks one uploader serves at the same time, however many slots there are: a block that arrives early is passed on early. */
export const MAX_BLOCKS_IN_PROGRESS = 2;
/** Shortest and longest choke round. */
export const MIN_ROUND_MS = 250;
export const MAX_ROUND_MS = 10_000;
/** Every third round moves the optimistic slot. */
export const OPTIMISTIC_EVERY_ROUNDS = 3;
/** A newcomer's weight in the optimistic draw (Cohen 2003: three times as likely). */
export const NEWCOMER_WEIGHT = 3;
/** A peer keeps its slot unless a challenger is this many times better, which prevents needless swaps. */
export const CHALLENGER_FACTOR = 1.1;

/** A peer is a free rider if it holds blocks we lack but has returned less than this part of what we sent it. */
export const MIN_RETURN_RATIO = 1 / 16;
/** A peer is a free rider only if it chokes us now, or has never unchoked us in this many attempts to request. */
export const MIN_WISHES = 4;
/**
 * What a leecher gives a free rider, as a part of what the leecher holds, divided by the number of its neighbours. Where all leechers
 * do this, the free rider reaches this part of the others' progress: it is slow, but does not starve.
 */
export const GIFT_RATIO = 0.5;

/** Blocks a newcomer that holds nothing may ask for while choked (BEP 6 calls it the allowed fast set). */
export const ALLOWED_BLOCKS = 4;
/** Blocks a smart seed keeps suggested ahead on each unchoked link. */
export const SUGGEST_AHEAD_BLOCKS = 4;
/** Owners a block may have in endgame. */
export const MAX_OWNERS = 2;
/** Most bytes that may be received twice, as a part of the share. */
export const MAX_DUPLICATE_RATIO = 0.01;
/** A link is snubbed when it sends nothing for this long, or for SNUB_FACTOR times the expected time if that is longer. */
export const MIN_SNUB_MS = 2000;
export const SNUB_FACTOR = 8;

/** UPDATE_BLOCKS goes to neighbours after this many blocks, or when its delay is over. */
export const ANNOUNCE_BATCH_BLOCKS = 16;
/** Shortest and longest delay of UPDATE_BLOCKS to neighbours after its first block. The rate at which blocks come decides. */
export const MIN_ANNOUNCE_MS = 20;
export const MAX_ANNOUNCE_MS = 250;
/** A block with this few copies is announced at once: somebody waits for it. */
export const RARE_COPIES = 2;
/** UPDATE_BLOCKS goes to the tracker this often, or when TRACKER_UPDATE_RATIO of the share is new. */
export const TRACKER_UPDATE_MS = 1000;
/** UPDATE_BLOCKS goes to the tracker at once when this part of the share is new. */
export const TRACKER_UPDATE_RATIO = 0.05;

/** A peer reports STATS to the tracker this often; any message is a sign of life. */
export const HEARTBEAT_MS = 1000;
/** Most blocks in flight in one STATS: enough for many neighbours, each of which serves only a few at a time. */
export const MAX_FETCHES_TOLD = 64;
/** STATS one peer may send in a burst: more than the heartbeats that can queue up while the tracker is busy. */
export const MAX_STATS_AT_ONCE = 1000;
/** STATS one peer may send a second, on average: a peer that floods the tracker must not keep it busy. */
export const MAX_STATS_PER_SECOND = 10;
/** The tracker removes a peer after this much silence: three heartbeats. */
export const GONE_AFTER_MS = 3 * HEARTBEAT_MS;
/** A tracker answers each heartbeat. After this much silence the peer reconnects. With the heartbeat that notices it, this takes less than 5 s. */
export const TRACKER_SILENT_MS = 3.5 * HEARTBEAT_MS;
/** A peer whose connection died has reconnected this long after it was removed: it covers the time to notice and one failed attempt. */
export const COME_BACK_MS = 10 * HEARTBEAT_MS;
/** After this much silence of a peer another one may register with its id: one and a half heartbeats. */
export const ID_YIELDS_AFTER_MS = 1.5 * HEARTBEAT_MS;
/** A swarm without peers is remembered this long, for peers that return and for users who look at its result. */
export const FORGET_SWARM_MS = 10 * 60 * 1000;
/** A new neighbour must send its HELLO within this time. */
export const HANDSHAKE_TIMEOUT_MS = 5000;
/** A KEEP_ALIVE is sent on a link that was silent for this long. */
export const KEEP_ALIVE_MS = 10_000;
/** A link is dropped after this much silence from the other side. */
export const IDLE_TIMEOUT_MS = 35_000;
/** Heartbeats without a byte after which a link with something pending is dead: this is noticed within 5 s. */
export const LINE_SILENT_BEATS = 4;
/** A peer that is told that its block is bad may confirm it within this time. To read and hash a block again takes much less. */
export const ADMISSION_MS = 5000;
/** The user is told of blocks that nobody holds any more after this long: a bad copy may be repaired meanwhile. */
export const MISSING_TOLD_MS = 5000;
/** When an address of a peer has not answered for this long, the next one is tried beside it (RFC 8305 has 250 ms). */
export const NEXT_ADDRESS_MS = 300;
/** A dial that failed is tried again after this long. */
export const REDIAL_MS = 2000;
/** With too few neighbours a peer asks the tracker for more this often. */
export const FIND_PEERS_MS = 2000;

/** Most viewers of one tracker's board at a time: a class, each student at a screen. Each costs little. */
export const MAX_VIEWERS = 64;
/** Viewers get news in batches, this often: often enough to look live, seldom enough to cost little. */
export const NEWS_MS = 200;
/** Most numbers in one batch of news. When more happens, viewers get the whole state instead. */
export const MAX_NEWS_NUMBERS = 200_000;
/** Most numbers in the whole state that viewers get, about 100 MB of text. Peers and blocks beyond it are not shown. */
export const MAX_SNAPSHOT_NUMBERS = 10_000_000;
/** A viewer that falls behind gets the whole state at most this often. */
export const SNAPSHOT_EVERY_MS = 1000;
/** A viewer that has read nothing for this long is disconnected. A live page reconnects by itself. */
export const MAX_STUCK_MS = 60_000;
/** When the board is full, a viewer that has watched for this long makes way for a newcomer. It may be dead, and a live page reconnects. */
export const MIN_WATCH_MS = 60_000;
/** A viewer gets some bytes at least this often, so that no proxy takes the connection for dead. */
export const VIEWER_KEEP_ALIVE_MS = 5000;
/** Departed peers of one swarm that are still shown. */
export const MAX_DEPARTED_SHOWN = 1000;
/** Longest list of hosts: a hundred thousand of them. */
export const MAX_HOSTS_BYTES = 4 * MIB;
/** Longest `block_count.txt`: a number. */
export const MAX_BLOCK_COUNT_BYTES = 64;
/** Longest line of a recording: a peer that registers with every second of MAX_BLOCKS blocks. */
export const MAX_RECORDING_LINE_BYTES = 8 * MIB;
/** Longest recording: half a day of a small swarm. Recording stops there, and a longer one is not replayed, since a page holds all of it. */
export const MAX_RECORDING_BYTES = 256 * MIB;
/** Recorded bytes that may wait for the disk. With more the disk is too slow, and the recording ends. */
export const MAX_UNWRITTEN_RECORDING_BYTES = 32 * MIB;

/** Received bytes not yet on disk at which a peer stops reading from its sockets. */
export const MAX_UNWRITTEN_BYTES = 4 * MIB;
/** Control bytes queued on one socket at which the neighbour is too slow to keep. */
export const MAX_QUEUED_SEND_BYTES = 4 * MIB;
/** Bytes of idle send buffers: one buffer for each slot, for the largest unit. */
export const MAX_IDLE_SEND_BUFFER_BYTES = DEFAULT_SLOTS * (MAX_UNIT_BYTES + 16 * KIB);
/** How long a closing connection waits for its last bytes to leave and for the other side to close too. */
export const CLOSE_TIMEOUT_MS = 1000;
/** TCP asks a silent other side whether it is still there after this time: finds hosts that lost their power. */
export const TCP_KEEP_ALIVE_MS = 30_000;
/** Files one store or reader keeps open. Tests run several in one process, and 1024 is a common limit of a process. */
export const MAX_OPEN_FILES = 256;
