import { expect, test } from "bun:test";
import { MAX_LINKS, MAX_OPEN_FILES } from "../../core/base/limits.ts";
import { areDescriptorsBack, areDescriptorsShort, budgetOf, descriptorBudget, usedDescriptors } from "./descriptors.ts";

test("where descriptors are plenty, there are as many neighbours and files as ever", () => {
  for (const limit of [1024, 20_000, Number.MAX_SAFE_INTEGER]) {
    expect(budgetOf({ limit, used: 30 })).toEqual({ limit, links: MAX_LINKS, files: MAX_OPEN_FILES });
  }
});

test("where they are few, neighbours and the files of three pools fit beside what is in use", () => {
  for (const limit of [64, 128, 256, 512]) {
    const { links, files } = budgetOf({ limit, used: 20 });
    expect(20 + links + 3 * files).toBeLessThan(limit);
    expect(links).toBeGreaterThan(8);
    expect(files).toBeGreaterThan(4);
  }
  expect(budgetOf({ limit: 10, used: 20 })).toMatchObject({ links: 4, files: 4 });
});

test("this process has descriptors, and some are free", () => {
  expect(descriptorBudget().limit).toBeGreaterThan(usedDescriptors() ?? 0);
  expect(areDescriptorsShort()).toBe(false);
  expect(areDescriptorsBack()).toBe(true);
});
