import { expect, test } from "bun:test";
import { onThisMachine, openBrowser } from "./browser.ts";

const URL = "http://localhost:8080/";

/** The line that is told when it fails. */
function failure(url: string, system: Parameters<typeof openBrowser>[1] extends infer O ? Omit<O, "tell"> : never) {
  return new Promise<string>((tell) => openBrowser(url, { ...system, tell }));
}

test("a page is looked at on this machine, whatever address it is served at", () => {
  expect(onThisMachine("http://127.0.0.1:8081/")).toBe("http://localhost:8081/");
  expect(onThisMachine("http://[::]:8080/")).toBe(URL);
});

test("where no browser can be opened a line says why, and where to look", async () => {
  const display = { DISPLAY: ":0" };
  expect(await failure(URL, { platform: "linux", env: { PATH: "/nowhere" } })).toBe(
    "Cannot open a browser: there is no display here (look at http://localhost:8080/ yourself)",
  );
  expect(await failure(URL, { platform: "linux", env: { PATH: "/nowhere", ...display } })).toMatch(
    /^Cannot open a browser: .*xdg-open.* \(look at http:\/\/localhost:8080\/ yourself\)$/,
  );
});
