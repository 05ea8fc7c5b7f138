import { HOST } from "./test_bed.ts";

/** Which packets get lost: those of who called, those of who was called, or all. */
export type Loss = "to the target" | "from the target" | "both ways";

interface Line {
  readonly caller: Bun.Socket<Line>;
  readonly target: Promise<Bun.Socket<Line>>;
  lost: Loss | undefined;
}

/** A way to a port on which packets can get lost without a word: no end of a connection is ever told of it. */
export class BlackHole {
  /** Connections so far. */
  calls = 0;
  /** What becomes of connections that are made from now on. */
  newLines: Loss | undefined;
  readonly #lines = new Set<Line>();
  readonly #listener: Bun.TCPSocketListener<Line>;

  constructor(targetPort: number) {
    this.#listener = Bun.listen<Line>({
      hostname: HOST,
      port: 0,
      socket: {
        open: (caller) => this.#open(caller, targetPort),
        data: ({ data: line }, chunk) => void this.#pass(line, "to the target", chunk),
        close: ({ data: line }) => void this.#end(line, "to the target"),
      },
    });
  }

  get address(): string {
    return `${HOST}:${this.#listener.port}`;
  }

  /** From now on packets of all connections that stand get lost. */
  swallow(lost: Loss): void {
    for (const line of this.#lines) {
      line.lost = lost;
    }
  }

  close(): void {
    this.#listener.stop(true);
    for (const { target } of this.#lines) {
      void target.then((socket) => socket.terminate());
    }
  }

  #open(caller: Bun.Socket<Line>, port: number): void {
    this.calls++;
    const target = Bun.connect<Line>({
      hostname: HOST,
      port,
      socket: {
        data: (_, chunk) => void this.#pass(line, "from the target", chunk),
        close: () => void this.#end(line, "from the target"),
      },
    });
    const line: Line = { caller, target, lost: this.newLines };
    caller.data = line;
    this.#lines.add(line);
    target.catch(() => caller.terminate());
  }

  async #pass(line: Line, way: Loss, chunk: Uint8Array): Promise<void> {
    const bytes = Uint8Array.from(chunk);
    const target = await line.target;
    if (line.lost !== way && line.lost !== "both ways") {
      (way === "to the target" ? target : line.caller).write(bytes);
    }
  }

  async #end(line: Line, way: Loss): Promise<void> {
    const target = await line.target;
    if (line.lost !== way && line.lost !== "both ways") {
      (way === "to the target" ? target : line.caller).end();
    }
  }
}
