/** How each system opens an address in the user's browser; all others do as Linux does. */
const OPENERS: { readonly [platform: string]: readonly string[] } = {
  darwin: ["open"],
  win32: ["cmd", "/c", "start", ""],
};

/** The system the browser is on; left out: this one. */
export interface BrowserSystem {
  readonly platform?: string;
  readonly env?: { readonly [name: string]: string | undefined };
}

/** The address of a page of this machine as its browser calls it, whatever address the page's server listens at. */
export function onThisMachine(url: string): string {
  const local = new URL(url);
  local.hostname = "localhost";
  return local.href;
}

/**
 * Opens an address in the user's browser, and keeps nobody waiting for it.
 *
 * @param tell gets a line when that is not possible
 */
export function openBrowser(url: string, options: BrowserSystem & { readonly tell: (line: string) => void }): void {
  const fail = (why: string): void => options.tell(`Cannot open a browser: ${why} (look at ${url} yourself)`);
  const { platform = process.platform, env = process.env } = options;
  const [program = "", ...args] = OPENERS[platform] ?? ["xdg-open"];
  if (program === "xdg-open" && !env["DISPLAY"] && !env["WAYLAND_DISPLAY"]) {
    fail("there is no display here"); // it would start a text browser in this very terminal
    return;
  }
  try {
    const opener = Bun.spawn([program, ...args, url], {
      ...{ env, stdin: "ignore", stdout: "ignore", stderr: "ignore" },
      onExit: (_, exitCode) => {
        if (exitCode !== 0) {
          fail(`${program} ended with exit code ${exitCode}`);
        }
      },
    });
    opener.unref(); // some stay as long as the browser does
  } catch (error) {
    fail(error instanceof Error ? error.message : String(error));
  }
}
