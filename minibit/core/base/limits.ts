// Room core/base: bounds, errors, seeded random numbers, rates, times and counts as text: what every other room may use.
// It imports no other room. Nothing here knows what a peer, a message or a share is, but for the bounds.

/**
 * Every bound of MiniBit, with its unit in the name and its reason beside it.
 *
 * What an untrusted peer can make us allocate, wait for or store is capped here. A number that belongs to one rule alone stands
 * at the head of that rule's file.
 */

const KIB = 1024;
const MIB = 1024 * KIB;

/** Both protocols' version: a peer or tracker that speaks another one is told so and dropped. */
export const PROTOCOL_VERSION = 4;

/** Smallest block: what the original coursework used, so that a small text still makes several blocks. */
export const MIN_BLOCK_BYTES = 1 * KIB;
/** Blocks a share is cut into by default, at least (unless it is tiny): enough for a swarm of 100. */
export const MIN_DEFAULT_BLOCKS = 1024;
/** Blocks above this size ... */
export const LARGE_BLOCK_BYTES = 1 * MIB;
/**
 * ... are chosen only when there are so many: a lone seed gives each newcomer a block before anybody has one to pass on. With 30
 * peers at 50 Mbit/s that takes 12 s where blocks have 4 MiB, 4 s with 1 MiB.
 */
export const MIN_LARGE_BLOCKS = 4096;
/** Largest block chosen by default: from shares of 16 GiB on. */
export const MAX_DEFAULT_BLOCK_BYTES = 4 * MIB;
/** Largest block a user may ask for; a block is the smallest thing that can be re-used after a bad hash. */
export const MAX_BLOCK_BYTES = 64 * MIB;
/** Most blocks a share may have: bounds bitfields (128 KiB) and the picker's tables (tens of MiB). */
export const MAX_BLOCKS = 1 << 20;
/** Above this many bytes a second copy of the share costs as much as its transfer: `auto` picks the direct store. */
export const DIRECT_STORE_FROM_BYTES = 64 * MIB;

/** Smallest unit asked for once the pipe runs (a block may be smaller): BitTorrent's 16 KiB. */
export const MIN_UNIT_BYTES = 16 * KIB;
/**
 * ... of larger blocks a quarter, but no more than this on a slow link. A unit costs some 0.3 ms of processor time, however
 * small it is: while a swarm of many peers on few processors starts, all links are slow, and smaller units would keep it from
 * growing. A slow link keeps as many bytes in flight, in units of any size, and needs no more: what waits in a leecher's socket
 * delays its own requests and acknowledgements.
 */
export const MAX_SLOW_UNIT_BYTES = 64 * KIB;
/** Largest unit one REQUEST may ask: one read from disk, one send buffer. With 256 KiB quick links cost a sixth more processor time. */
export const MAX_UNIT_BYTES = MIB;
/** How long a unit should last at the link's rate; longer units mean fewer frames but a coarser pipeline, and choking that takes longer to bite. */
export const UNIT_TARGET_MS = 64;
/** ... and up to this long on a quick link, where so many units would keep the processor busy: some 0.3 ms each. */
export const MAX_UNIT_TARGET_MS = 256;
/** A link is quick above this rate, in bytes a second: its units last longer in proportion. */
export const QUICK_LINK_RATE = 1_000_000;
/** Fewest units a block is cut into, and fewest of 16 KiB in flight: an uploader finds a whole block of 64 KiB to give at its turn. */
export const MIN_PIPELINE_UNITS = 4;
/** Fewest units in flight on a quick link, whose units last longer than a round trip: one is asked while the other comes. */
export const MIN_QUICK_PIPELINE_UNITS = 2;
/** Most units in flight on a link; the uploader accepts twice as many, to be robust to its peers' tuning. */
export const MAX_PIPELINE_UNITS = 256;
/** How much of a link's rate is kept in flight: as many round trips, so that a rate can double in each. */
export const PIPELINE_ROUND_TRIPS = 2;
/** ... and at least; covers a busy event loop on the other side. */
export const MIN_PIPELINE_MS = 50;
/** ... and at most: what takes longer waits in a queue, and asking for more would make that longer still. */
export const MAX_PIPELINE_MS = 1000;
/** Requests one neighbour may have queued here; beyond it each is answered REJECT at once. */
export const MAX_QUEUED_REQUESTS = 2 * MAX_PIPELINE_UNITS;

/** Largest frame body that is not a BLOCK: a full bitfield or a slice of the manifest fits with room. */
export const MAX_CONTROL_FRAME_BYTES = 512 * KIB;
/** Largest BLOCK frame: a unit and its fields. */
export const MAX_BLOCK_FRAME_BYTES = MAX_UNIT_BYTES + 64;
/** Largest manifest: a million files with long names; read in slices, kept once. */
export const MAX_MANIFEST_BYTES = 256 * MIB;
/** One slice of the manifest on the wire. */
export const MANIFEST_SLICE_BYTES = 256 * KIB;
/** Most block numbers or runs in one message; a longer announcement is cut in several. */
export const MAX_RUNS = 4096;
/** Most blocks in one SUGGEST or ALLOW: a hint, not an inventory. */
export const MAX_HINT_BLOCKS = 64;
/** Longest share, host or display name in UTF-8 bytes: what file systems allow for one name. */
export const MAX_NAME_BYTES = 255;
/** Addresses of one peer: a machine has a few networks, in two families; what it tells leaves room for the one it is seen at. */
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
/** Neighbours in all; twice what we dial, so that latecomers always find somebody with room. */
export const MAX_LINKS = 64;
/** Swarms one tracker keeps. */
export const MAX_SWARMS = 64;
/** Peers one swarm may hold. */
export const MAX_SWARM_PEERS = 20_000;
/** Blocks of all swarms of one tracker together: bounds its tables (10 bytes a block) whatever strangers register. */
export const MAX_TRACKED_BLOCKS = 8 * MAX_BLOCKS;
/** Registrations one tracker lets wait for their swarm to appear: as many as it may hold then. */
export const MAX_WAITING_PEERS = MAX_SWARM_PEERS;
/** Blocks a tracker looks at for one list of suggestions; whoever lacks none of that many rare blocks needs no advice. */
export const MAX_SUGGESTION_LOOKS = 1 << 16;

/** Regular slots: reciprocation needs few; four is BitTorrent's choice since Cohen 2003. */
export const REGULAR_SLOTS = 4;
/** Optimistic slots: one, to discover better partners. */
export const OPTIMISTIC_SLOTS = 1;
/** All slots a peer deals, unless it is told another number. */
export const DEFAULT_SLOTS = REGULAR_SLOTS + OPTIMISTIC_SLOTS;
/** Blocks served at the same time by one uploader, however many slots there are: a block that arrives early is shared on early. */
export const MAX_BLOCKS_IN_PROGRESS = 2;
/** Shortest and longest choke round. */
export const MIN_ROUND_MS = 250;
export const MAX_ROUND_MS = 10_000;
/** Every third round moves the optimistic slot. */
export const OPTIMISTIC_EVERY_ROUNDS = 3;
/** A newcomer's weight in the optimistic draw (Cohen 2003: three times as likely). */
export const NEWCOMER_WEIGHT = 3;
/** An incumbent keeps its slot unless a challenger is this many times better: damps needless swaps. */
export const CHALLENGER_FACTOR = 1.1;

/** Who has returned less than this part of what we gave it, though it holds what we lack, takes only ... */
export const MIN_RETURN_RATIO = 1 / 16;
/** ... if it has not let us ask just now, or never when we wished to so many times; ... */
export const MIN_WISHES = 4;
/**
 * ... it gets its gift and no more while we are a leecher: this part of what we hold, divided by the number of our neighbours. Where all do so it is at this
 * part of the others' level, so it is slow, but does not starve.
 */
export const GIFT_RATIO = 0.5;

/** Blocks a newcomer that holds nothing may ask for while choked (BEP 6 calls it the allowed fast set). */
export const ALLOWED_BLOCKS = 4;
/** Blocks a smart seed keeps suggested ahead on each unchoked link. */
export const SUGGEST_AHEAD_BLOCKS = 4;
/** Owners a block may have in endgame. */
export const MAX_OWNERS = 2;
/** Bytes that may be received twice, as a part of the share. */
export const MAX_DUPLICATE_RATIO = 0.01;
/** A link that sent nothing for this long, or 8 times the expected, is snubbed. */
export const MIN_SNUB_MS = 2000;
export const SNUB_FACTOR = 8;

/** UPDATE_BLOCKS to neighbours: sent after this many blocks ... */
export const ANNOUNCE_BATCH_BLOCKS = 16;
/** ... or this long after the first of them (between the two, by the rate at which blocks come). */
export const MIN_ANNOUNCE_MS = 20;
export const MAX_ANNOUNCE_MS = 250;
/** A block with so few copies is announced at once: somebody is waiting for it. */
export const RARE_COPIES = 2;
/** UPDATE_BLOCKS to the tracker: at most one in this time ... */
export const TRACKER_UPDATE_MS = 1000;
/** ... or one for this part of the share. */
export const TRACKER_UPDATE_RATIO = 0.05;

/** A peer reports STATS to the tracker this often; any message is a sign of life. */
export const HEARTBEAT_MS = 1000;
/** Blocks in flight that one STATS tells of: enough for the few that are served at a time, also of a crowd of neighbours. */
export const MAX_FETCHES_TOLD = 64;
/** STATS one peer may send at once, and a second on top: far more than heartbeats, also those that waited while the tracker was held up ... */
export const MAX_STATS_AT_ONCE = 1000;
/** ... so that a peer that sends nothing else keeps nobody busy. */
export const MAX_STATS_PER_SECOND = 10;
/** A peer silent this long is gone for the tracker: three heartbeats. */
export const GONE_AFTER_MS = 3 * HEARTBEAT_MS;
/** A tracker answers each heartbeat: when it was silent for this long its line is dead, and it is called again. With a beat to find out that is below 5 s. */
export const TRACKER_SILENT_MS = 3.5 * HEARTBEAT_MS;
/** A peer whose line died has called again by this long after it was gone: when it finds that out, and one call in vain. */
export const COME_BACK_MS = 10 * HEARTBEAT_MS;
/** A peer that was silent for this long gives up its id to somebody else who registers with it: one and a half heartbeats. */
export const ID_YIELDS_AFTER_MS = 1.5 * HEARTBEAT_MS;
/** A swarm without peers is remembered this long: for peers that come back, and for those who look at its result. */
export const FORGET_SWARM_MS = 10 * 60 * 1000;
/** A neighbour that must complete the HELLO within this time. */
export const HANDSHAKE_TIMEOUT_MS = 5000;
/** On a silent link a KEEP_ALIVE is sent after this time ... */
export const KEEP_ALIVE_MS = 10_000;
/** ... and the link is dropped after this much silence from the other side. */
export const IDLE_TIMEOUT_MS = 35_000;
/** While one of two neighbours owes the other something, silence in so many heartbeats means that the line is dead: noticed within 5 s. */
export const LINE_SILENT_BEATS = 4;
/** Who was told that a block of its own is bad may say so itself within this time: reading and hashing one block again takes much less. */
export const ADMISSION_MS = 5000;
/** What nobody has any more, since somebody's copy is bad, is told to the user after this long: it may be mended meanwhile. */
export const MISSING_TOLD_MS = 5000;
/** An address of a peer that has not answered for this long gets company: the next one is tried too (RFC 8305 has 250 ms). */
export const NEXT_ADDRESS_MS = 300;
/** A dial that failed is tried again after this long. */
export const REDIAL_MS = 2000;
/** With too few neighbours a peer asks the tracker for more this often. */
export const FIND_PEERS_MS = 2000;

/** Who watches one tracker's board at a time: a class in front of its own screens, at little cost each. */
export const MAX_VIEWERS = 64;
/** What happened is told to viewers in batches, this often: often enough to look alive, seldom enough to cost nothing. */
export const NEWS_MS = 200;
/** Numbers in one batch of news: when more happens than this, viewers are told the whole state anew instead. */
export const MAX_NEWS_NUMBERS = 200_000;
/** Numbers in the whole state as viewers are told it, a hundred MB of text: more peers and blocks than this are not shown. */
export const MAX_SNAPSHOT_NUMBERS = 10_000_000;
/** A viewer that falls behind is told the whole state again at most this often. */
export const SNAPSHOT_EVERY_MS = 1000;
/** A viewer that has read nothing for this long is gone; a living one comes back by itself. */
export const MAX_STUCK_MS = 60_000;
/** Who has watched for this long gives way to a newcomer when there is no room: it may never have read a byte, and a living one comes back. */
export const MIN_WATCH_MS = 60_000;
/** A viewer hears something at least this often, so that nobody on the way takes the connection for dead. */
export const VIEWER_KEEP_ALIVE_MS = 5000;
/** Peers that departed and are still shown, of one swarm. */
export const MAX_DEPARTED_SHOWN = 1000;
/** Longest list of hosts: a hundred thousand of them. */
export const MAX_HOSTS_BYTES = 4 * MIB;
/** Longest `block_count.txt`: a number. */
export const MAX_BLOCK_COUNT_BYTES = 64;
/** Longest line of a recording: a peer that registers with every second of MAX_BLOCKS blocks. */
export const MAX_RECORDING_LINE_BYTES = 8 * MIB;
/** Longest recording: half a day of a small swarm. It stops there, and a longer one is not replayed: a page holds all of it. */
export const MAX_RECORDING_BYTES = 256 * MIB;
/** Recorded bytes that may wait for the disk; when there are more it is too slow, and the recording ends. */
export const MAX_UNWRITTEN_RECORDING_BYTES = 32 * MIB;

/** Received bytes not yet on disk at which a peer stops reading from its sockets. */
export const MAX_UNWRITTEN_BYTES = 4 * MIB;
/** Control bytes queued on one socket at which the neighbour is too slow to keep. */
export const MAX_QUEUED_SEND_BYTES = 4 * MIB;
/** Send buffers that wait for their next payload: as many as there are slots, with the largest unit. */
export const MAX_IDLE_SEND_BUFFER_BYTES = DEFAULT_SLOTS * (MAX_UNIT_BYTES + 16 * KIB);
/** How long a closing connection waits for its last bytes to leave and for the other side to close too. */
export const CLOSE_TIMEOUT_MS = 1000;
/** TCP asks a silent other side whether it is still there after this time: finds hosts that lost their power. */
export const TCP_KEEP_ALIVE_MS = 30_000;
/** Files one store or reader keeps open; several run in one process in tests, and 1024 is a common limit of a process. */
export const MAX_OPEN_FILES = 256;
