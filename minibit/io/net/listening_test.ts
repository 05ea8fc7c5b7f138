import { expect, test } from "bun:test";
import { UserError } from "../../core/base/errors.ts";
import { freePort, listening } from "./listening.ts";

/** The complaint about listening there. */
function complaintAbout(start: () => unknown, address: { host: string; port: number }): string {
  try {
    listening(start, { ...address, flag: "--http-port" });
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    return (error as UserError).message;
  }
  throw new Error("it listens");
}

function tcp(hostname: string, port: number) {
  return Bun.listen({ hostname, port, socket: { data: () => {} } });
}

function failingWith(code: string | undefined, message: string): () => never {
  return () => {
    throw Object.assign(new Error(message), { code });
  };
}

test("a server that starts is handed through", () => {
  const listener = listening(() => tcp("127.0.0.1", 0), { host: "127.0.0.1", port: 0, flag: "--port" });
  expect(listener.port).toBeGreaterThan(0);
  listener.stop(true);
});

test("a port in use is named with the flag that changes it, for TCP and HTTP", () => {
  const taken = tcp("127.0.0.1", 0);
  const address = { host: "127.0.0.1", port: taken.port };
  const expected = `Cannot listen on 127.0.0.1:${taken.port}: the port is in use (try --http-port)`;
  expect(complaintAbout(() => tcp(address.host, address.port), address)).toBe(expected);
  const http = () => Bun.serve({ hostname: address.host, port: address.port, fetch: () => new Response() });
  expect(complaintAbout(http, address)).toBe(expected);
  taken.stop(true);
});

test("an address of another machine and one that is none are refused alike", () => {
  for (const host of ["192.0.2.1", "[::1]", "nobody.invalid"]) {
    expect(complaintAbout(() => tcp(host, 0), { host, port: 0 })).toContain(
      "this is not an address of this machine (try --host)",
    );
  }
});

test("a privileged port and unforeseen trouble say what to try", () => {
  const address = { host: "::1", port: 80 };
  expect(complaintAbout(failingWith("EACCES", "permission denied"), address)).toBe(
    "Cannot listen on [::1]:80: this port is for the system's own services (try --http-port with one above 1023)",
  );
  expect(complaintAbout(failingWith("EMFILE", "too many open files"), address)).toContain("too many open files");
});

test("a bug of ours stays one", () => {
  const bug = () => {
    throw new TypeError("undefined is not a function");
  };
  expect(() => listening(bug, { host: "::1", port: 1, flag: "--port" })).toThrow(TypeError);
});

test("a free port can be listened on, and is none that the kernel gives to others meanwhile", () => {
  const port = freePort("127.0.0.1");
  expect(port).toBeWithin(10_000, 30_000);
  const listener = tcp("127.0.0.1", port);
  expect(listener.port).toBe(port);
  listener.stop(true);
});

test("where no port can be listened on, a free one is not looked for a hundred times", () => {
  expect(() => freePort("192.0.2.1")).toThrow("this is not an address of this machine (try --host)");
});
