/**
 * A transfer without a protocol: one process sends a file to each caller, the caller hashes and
 * writes it. A yardstick for MiniBit, on the same sockets; not a lower bound.
 *
 *     bun bench/raw_pipe.ts serve <file> <host> <port>
 *     bun bench/raw_pipe.ts fetch <file> <host> <port> <bytes>     the name appears when all is there
 */
import { closeSync, fstatSync, openSync, readSync, renameSync, write } from "node:fs";

const CHUNK_BYTES = 256 * 1024;
const BLOCK_BYTES = 1024 * 1024;
const MAX_UNWRITTEN_BYTES = 8 * 1024 * 1024;

interface Sending {
  readonly buffer: Buffer;
  /** Next byte of the file to read. */
  offset: number;
  /** What of the buffer still has to be sent. */
  from: number;
  to: number;
}

function serve(file: string, address: { readonly hostname: string; readonly port: number }): void {
  const fd = openSync(file, "r");
  const { size } = fstatSync(fd);
  const pump = (socket: Bun.Socket<Sending>): void => {
    const sending = socket.data;
    for (;;) {
      if (sending.from === sending.to) {
        if (sending.offset >= size) {
          return;
        }
        sending.from = 0;
        sending.to = readSync(fd, sending.buffer, 0, CHUNK_BYTES, sending.offset);
        sending.offset += sending.to;
      }
      const taken = socket.write(sending.buffer, sending.from, sending.to - sending.from);
      if (taken <= 0) {
        return;
      }
      sending.from += taken;
    }
  };
  Bun.listen<Sending>({
    ...address,
    socket: {
      open(socket) {
        socket.data = { buffer: Buffer.allocUnsafe(CHUNK_BYTES), offset: 0, from: 0, to: 0 };
        pump(socket);
      },
      drain: pump,
      data: () => undefined,
    },
  });
  console.log(JSON.stringify({ event: "ready" }));
}

async function fetchFile(
  file: string,
  options: { readonly hostname: string; readonly port: number; readonly sizeBytes: number },
): Promise<void> {
  const { hostname, port, sizeBytes } = options;
  const fd = openSync(`${file}.part`, "w");
  let offset = 0;
  let unwritten = 0;
  let hasher = new Bun.CryptoHasher("sha256");
  let blockLeft = BLOCK_BYTES;
  const finished = Promise.withResolvers<void>();
  await Bun.connect({
    hostname,
    port,
    socket: {
      data(socket, chunk) {
        for (let at = 0; at < chunk.length; ) {
          const take = Math.min(blockLeft, chunk.length - at);
          hasher.update(chunk.subarray(at, at + take));
          at += take;
          blockLeft -= take;
          if (blockLeft === 0) {
            hasher.digest();
            hasher = new Bun.CryptoHasher("sha256");
            blockLeft = BLOCK_BYTES;
          }
        }
        unwritten += chunk.length;
        if (unwritten > MAX_UNWRITTEN_BYTES) {
          socket.pause();
        }
        write(fd, chunk, 0, chunk.length, offset, (error) => {
          if (error !== null) {
            throw error;
          }
          unwritten -= chunk.length;
          socket.resume();
          if (offset === sizeBytes && unwritten === 0) {
            finished.resolve();
          }
        });
        offset += chunk.length;
      },
    },
  });
  await finished.promise;
  closeSync(fd);
  renameSync(`${file}.part`, file);
}

const [mode, file = "", hostname = "", port = "", bytes = ""] = process.argv.slice(2);
if (mode === "serve") {
  serve(file, { hostname, port: Number(port) });
} else {
  await fetchFile(file, { hostname, port: Number(port), sizeBytes: Number(bytes) });
  process.exit(0);
}
