import { expect, test } from "bun:test";
import { CoreDriver, type Surroundings } from "./core_driver.ts";

/** A core that asks for two things at each input; its deadline is ten milliseconds after the last one. */
function driven(around: Partial<Surroundings<string>> = {}) {
  const log: string[] = [];
  let [nowMs, lastMs] = [0, 0];
  const core = {
    handle(input: string, atMs: number): string[] {
      log.push(`handle ${input}`);
      lastMs = atMs;
      return input === "nothing" ? [] : [`${input} 1`, `${input} 2`];
    },
    nextDeadlineMs: () => lastMs + 10,
  };
  const driver = new CoreDriver<string, string>(core, {
    nowMs: () => ++nowMs,
    act: (output) => log.push(output),
    arm: (deadlineMs) => log.push(`arm ${deadlineMs}`),
    ...around,
  });
  return { driver, log };
}

test("an input is handled, what it leads to is carried out in order, then the deadline is armed", () => {
  const { driver, log } = driven();
  driver.input("a");
  driver.input("nothing");
  expect(log).toEqual(["handle a", "a 1", "a 2", "arm 11", "handle nothing", "arm 12"]);
});

test("inputs that arise meanwhile wait for the outputs before them, and the deadline is armed once", () => {
  const { driver, log } = driven({
    act: (output) => {
      log.push(output);
      if (output === "a 1") {
        driver.input("b");
        driver.input("c");
      } else if (output === "b 2") {
        driver.input("d");
      }
    },
  });
  driver.input("a");
  expect(log).toEqual([
    ...["handle a", "a 1", "a 2", "handle b", "b 1", "b 2"],
    ...["handle c", "c 1", "c 2", "handle d", "d 1", "d 2", "arm 14"],
  ]);
});

test("once it is stopped the core hears nothing, and no deadline is armed", () => {
  const { driver, log } = driven({
    act: (output) => {
      log.push(output);
      if (output === "a 1") {
        driver.input("b");
        driver.stop();
      }
    },
  });
  driver.input("a");
  driver.input("c");
  expect(log).toEqual(["handle a", "a 1", "a 2"]);
  expect(driver.isStopped).toBe(true);
});

test("an observer sees what an input led to once that is carried out", () => {
  const { driver, log } = driven({ handled: (outputs) => log.push(`handled ${outputs.length}`) });
  driver.input("a");
  expect(log).toEqual(["handle a", "a 1", "a 2", "handled 2", "arm 11"]);
});
