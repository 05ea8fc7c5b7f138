import { expect, test } from "bun:test";
import { boardUrl, openBrowser } from "./browser.ts";

const URL = "http://localhost:8080/";

/** The line that is told when it fails. */
function failure(
  url: string | undefined,
  system: Parameters<typeof openBrowser>[1] extends infer O ? Omit<O, "tell"> : never,
) {
  return new Promise<string>((tell) => openBrowser(url, { ...system, tell }));
}

test("the page's address is where the tracker says it serves", () => {
  expect(boardUrl("Tracker listening on 127.0.0.1:5000, board on http://127.0.0.1:8081/")).toBe(
    "http://localhost:8081/",
  );
  expect(boardUrl("Tracker listening on [::]:5000, board on http://[::]:8080/")).toBe(URL);
  expect(boardUrl("Tracker listening")).toBeUndefined();
});

test("where no browser can be opened a line says why, and where to look", async () => {
  const display = { DISPLAY: ":0" };
  expect(await failure(URL, { platform: "linux", env: { PATH: "/nowhere" } })).toBe(
    "Cannot open a browser: there is no display here (look at http://localhost:8080/ yourself)",
  );
  expect(await failure(URL, { platform: "linux", env: { PATH: "/nowhere", ...display } })).toMatch(
    /^Cannot open a browser: .*xdg-open.* \(look at http:\/\/localhost:8080\/ yourself\)$/,
  );
  expect(await failure(undefined, {})).toStartWith("Cannot open a browser: the tracker named no page");
});
