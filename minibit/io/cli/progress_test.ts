import { afterEach, expect, test } from "bun:test";
import { createProgress, type Progress, type ProgressStream } from "./progress.ts";

let progress: Progress | undefined;

afterEach(() => {
  progress?.stop();
  progress = undefined;
});

/** A stream that keeps what is written, and can be waited on. */
class Recorder implements ProgressStream {
  readonly isTTY: boolean;
  readonly rows: number;
  readonly columns = 100;
  written = "";
  #wake: () => void = () => {};

  constructor(options: { isTTY: boolean; rows?: number }) {
    this.isTTY = options.isTTY;
    this.rows = options.rows ?? 24;
  }

  write(text: string): boolean {
    this.written += text;
    this.#wake();
    return true;
  }

  /** Resolves once `text` was written. */
  async holds(text: string): Promise<void> {
    while (!this.written.includes(text)) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** Shows `labels` on a new stream. */
function show(labels: readonly string[], options: { isTTY: boolean; rows?: number }): [Progress, Recorder] {
  const stream = new Recorder(options);
  progress = createProgress({ labels, stream });
  return [progress, stream];
}

const numbered = (count: number): string[] => Array.from({ length: count }, (_, index) => `peer ${index + 1}`);

test("piped, each peer gets a line a quarter and one at the end, however many updates come", () => {
  const [shown, stream] = show(["peer 1", "peer 2"], { isTTY: false });
  for (let percent = 0; percent <= 100; percent += 0.5) {
    shown.update(0, { percent, rateBytesPerSecond: 1024 ** 2, text: "from 3 peers" });
  }
  shown.update(1, { percent: 99.96, rateBytesPerSecond: 0 });
  expect(stream.written).toBe(
    [
      "peer 1  25.0% 1.00 MiB/s from 3 peers",
      "peer 1  50.0% 1.00 MiB/s from 3 peers",
      "peer 1  75.0% 1.00 MiB/s from 3 peers",
      "peer 1 100.0% 1.00 MiB/s from 3 peers",
      "peer 2  99.9%      0 B/s",
      "",
    ].join("\n"),
  );
});

test("piped, a line that is logged stands by itself and no control character is written", () => {
  const [shown, stream] = show(["peer 1"], { isTTY: false });
  shown.log("peer 1 joined");
  shown.stop();
  expect(stream.written).toBe("peer 1 joined\n");
});

test("on a terminal every peer has a bar that follows it", async () => {
  const [shown, stream] = show(["peer 1", "peer 10"], { isTTY: true });
  shown.update(0, { percent: 50, rateBytesPerSecond: 2048, text: "from 3 peers" });
  await stream.holds(`peer 1  ${"█".repeat(15)}${"░".repeat(15)}  50.0% 2.00 KiB/s from 3 peers`);
  expect(stream.written).toContain(`peer 10 ${"░".repeat(30)}   0.0%      0 B/s`);
});

test("a line logged last is written before the bars stop, and the cursor comes back", () => {
  const listeners = process.listeners("exit"); // of whoever else runs in this process
  const [shown, stream] = show(["peer 1"], { isTTY: true });
  shown.log("peer 1 joined");
  shown.update(0, { percent: 100, rateBytesPerSecond: 0, text: "done" });
  shown.stop();
  expect(stream.written).toContain("peer 1 joined\x1b[K\n");
  expect(stream.written).toContain("100.0%");
  expect(stream.written).toEndWith("\n");
  expect(stream.written.lastIndexOf("\x1b[?25h")).toBeGreaterThan(stream.written.lastIndexOf("\x1b[?25l"));
  expect(process.listeners("exit")).toEqual(listeners);
});

test("peers that do not fit on the terminal share a bar", () => {
  const [shown, stream] = show(numbered(50), { isTTY: true, rows: 24 });
  for (let index = 0; index < 50; index++) {
    shown.update(index, { percent: index < 25 ? 100 : 50, rateBytesPerSecond: 1024 });
  }
  shown.stop();
  expect(stream.written).toContain("50 peers ");
  expect(stream.written).toContain(" 75.0% 50.0 KiB/s 25 complete");
  expect(stream.written).not.toContain("peer 1 ");
});
