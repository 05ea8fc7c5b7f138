import { createProgress, type Progress } from "../cli/progress.ts";
import { formatAddress, formatCount, formatDuration, formatSize } from "../os/units.ts";
import { type PeerReport, type Reporter, reportAsEvents } from "./peer_report.ts";
import { waitsOf } from "./waits.ts";

/** Reports for people: a bar on a terminal, plain lines when piped. */
export function reportToPeople(label: string, stream: NodeJS.WriteStream): Reporter {
  let progress: Progress | undefined;
  let blockCount = 0;
  const say = (line: string): void => {
    if (progress === undefined) {
      stream.write(`${line}\n`);
    } else {
      progress.log(line);
    }
  };
  const stop = (): void => {
    progress?.stop();
    progress = undefined;
  };
  const report = (told: PeerReport): void => {
    switch (told.event) {
      case "ready":
        say(`Ready: ${label} listens on ${formatAddress(told)}`);
        break;
      case "share":
        blockCount = told.blockCount;
        say(
          `Share "${told.name}": ${formatSize(told.sizeBytes)} in ${formatCount(told.blockCount, "block")} of ${formatSize(told.blockSizeBytes)}, ${told.blocks} here`,
        );
        if (told.blocks < blockCount) {
          progress = createProgress({ labels: [label], stream });
        }
        break;
      case "progress":
        progress?.update(0, {
          percent: blockCount === 0 ? 100 : (100 * told.blocks) / blockCount,
          rateBytesPerSecond: told.bytesPerSecond,
          text: `from ${formatCount(told.sources, "peer")}`,
        });
        break;
      case "complete":
        stop();
        say(
          told.path === undefined
            ? `Serving: ${label} has everything`
            : `Complete: ${told.path} is verified, after ${formatDuration(Math.round(told.seconds * 1000))}; serving others`,
        );
        break;
      case "killed":
        stop();
        say(`Killed on purpose: ${label} holds ${formatCount(told.blocks, "block")}`);
        break;
      case "summary":
        say(
          `Leaving: ${formatSize(told.downBytes)} received from ${formatCount(told.sources, "peer")} (${formatSize(told.duplicateBytes)} twice), ${formatSize(told.upBytes)} sent`,
        );
        if (told.downBytes > 0) {
          say(`While fetching it ${waitsOf([told])}`);
        }
        break;
    }
  };
  return { report, close: stop };
}

/** How a peer reports: as JSON lines to a program that asked for `--events`, in words to people. */
export function reporterFor(label: string, options: { readonly events: boolean }): Reporter {
  return options.events ? reportAsEvents((line) => process.stdout.write(line)) : reportToPeople(label, process.stdout);
}
