// Room board/page: the page in the browser: it draws what model and view say.
// It runs in browsers: no Bun, no node: and no minibit/io. What can be computed without a browser belongs to view.

/** The board in a browser: live, or a recording that a server or the page itself brings along. */
import "uplot/dist/uPlot.min.css";
import "./styles/base.css";
import "./styles/swarm_header.css";
import "./styles/block_map.css";
import "./styles/choke_ring.css";
import "./styles/charts.css";
import "./styles/peer_table.css";
import "./styles/verdict_view.css";
import "./styles/replay.css";
import { UserError } from "../../core/base/errors.ts";
import { BoardPage } from "./board_page.ts";
import { followLive } from "./live.ts";
import { startReplay } from "./replay.ts";

const root = document.getElementById("board") as HTMLElement;
const page = new BoardPage(root);

try {
  const { kind } = JSON.parse(embedded("mode")) as { readonly kind: string };
  if (kind === "live") {
    followLive(page);
  } else {
    root.after(startReplay(page, kind === "exported" ? embedded("recording") : await fetchRecording()));
  }
} catch (error) {
  page.fail(error instanceof UserError ? error.message : `Cannot show the board: ${error}`);
}

function embedded(id: string): string {
  return document.getElementById(id)?.textContent ?? "";
}

async function fetchRecording(): Promise<string> {
  const answer = await fetch("recording");
  if (!answer.ok) {
    throw new UserError(`Cannot fetch the recording: the server answers ${answer.status}`);
  }
  return await answer.text();
}
