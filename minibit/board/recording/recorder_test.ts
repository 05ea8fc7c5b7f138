import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TimedEvent } from "../model/board_event.ts";
import { Recorder } from "./recorder.ts";
import { visitRecording } from "./recording.ts";

const begins: TimedEvent = {
  t: 7,
  event: {
    ...{ type: "swarm", swarm: "ab".repeat(32), expected: 0 },
    share: { name: "a", sizeBytes: 9, blockSizeBytes: 1, blockCount: 9 },
  },
};
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "minibit-recorder-"));
});

afterEach(() => rmSync(folder, { recursive: true }));

function record(path: string, options: { readonly events?: number; readonly maxBytes?: number } = {}) {
  const warnings: string[] = [];
  const { events = 1, maxBytes } = options;
  const recorder = new Recorder(path, {
    ...{ began: new Date(0), onWarning: (text: string) => warnings.push(text) },
    ...(maxBytes === undefined ? {} : { maxBytes }),
  });
  for (let i = 0; i < events; i++) {
    recorder.write(begins);
  }
  return { recorder, warnings };
}

function eventsIn(path: string): TimedEvent[] {
  const events: TimedEvent[] = [];
  visitRecording(readFileSync(path), { visit: (event) => events.push(event) });
  return events;
}

test("what was written is there once it is closed, and an older recording is replaced", async () => {
  const path = join(folder, "run.ndjson");
  for (const events of [300, 2]) {
    await Recorder.checkPlace(path);
    const { recorder, warnings } = record(path, { events });
    await recorder.close();
    expect(warnings).toEqual([]);
    expect(eventsIn(path)).toEqual(Array.from({ length: events }, () => begins));
  }
});

test("what is no recording is not replaced", async () => {
  const path = join(folder, "thesis.txt");
  writeFileSync(path, "three years of work");
  expect(Recorder.checkPlace(path)).rejects.toThrow(
    `Cannot record to '${path}': something else is in its place, and would be lost (use another name)`,
  );
});

test("a place where nothing can be written is refused", () => {
  expect(() => record(join(folder, "nowhere", "run.ndjson"))).toThrow("there is no such file or folder");
});

test("a recording that grows too long ends with one warning, whole", async () => {
  const path = join(folder, "run.ndjson");
  const { recorder, warnings } = record(path, { events: 1000, maxBytes: 2000 });
  await recorder.close();
  expect(warnings).toEqual([`Cannot go on recording to '${path}': it has 2000 bytes, and more cannot be replayed`]);
  expect(eventsIn(path).length).toBeWithin(3, 15);
});

test("a disk that fails ends it with one warning, and nothing else", async () => {
  const { recorder, warnings } = record("/dev/full", { events: 5 });
  await recorder.close();
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toStartWith("Cannot go on recording to '/dev/full': the disk is full");
});
