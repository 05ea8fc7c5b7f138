import { UserError } from "../../core/base/errors.ts";
import { getLogger } from "../os/logging.ts";
import { formatAddress, formatDuration } from "../os/units.ts";
import { type PeerOptions, trackerHintOf } from "./peer_options.ts";
import type { TrackerClientOptions } from "./tracker_client.ts";

const log = getLogger();

/** How long a peer waits for its first tracker, and what people are told of the line to it. */
export class TrackerWait {
  /** For the TrackerClient. */
  readonly handlers: Required<Pick<TrackerClientOptions, "onRefused" | "onPutOff" | "onConnection">>;
  readonly #timer: Timer;

  /** @param owner.onFailed no tracker was reached in time, or it refuses us; `onLost`: a tracker that was reached is lost */
  constructor(
    options: Pick<PeerOptions, "tracker" | "trackerAlternatives" | "trackerTimeoutMs" | "isStartedByRun">,
    owner: { readonly onFailed: (error: UserError) => void; readonly onLost: () => void },
  ) {
    const { trackerAlternatives = [], trackerTimeoutMs } = options;
    const tracker = formatAddress(options.tracker);
    const places = [tracker, ...trackerAlternatives.map(formatAddress)].join(" or ");
    log.info("calling the tracker at {tracker}", { tracker: places });
    let putOff: string | undefined;
    this.#timer = setTimeout(() => {
      const text = `no answer for ${formatDuration(trackerTimeoutMs)} (${trackerHintOf(options)})`;
      owner.onFailed(new UserError(putOff ?? `Cannot reach the tracker at ${places}: ${text}`));
    }, trackerTimeoutMs);
    this.handlers = {
      onRefused: ({ text }) => owner.onFailed(new UserError(text)),
      onPutOff: (text) => {
        putOff = text;
        log.warn("put off by the tracker, calling it again: {text}", { text });
      },
      onConnection: (connected) => {
        this.stop();
        if (connected) {
          log.info("connected to the tracker at {tracker}", { tracker });
        } else {
          owner.onLost();
          log.warn("lost the tracker at {tracker}: going on without, calling it again", { tracker });
        }
      },
    };
  }

  /** No tracker is waited for any more. */
  stop(): void {
    clearTimeout(this.#timer);
  }
}
