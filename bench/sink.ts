// Says at which port it listens, takes one connection, and says in how many milliseconds the bytes that it was told of have come.
// A program of its own, so that it can be run in a network namespace. Not a benchmark: it has no `run`.
import { createServer } from "node:net";

if (process.argv[1] === new URL(import.meta.url).pathname) {
  // Counted, since busybox's nc does not close its half of a connection when it has nothing more to send.
  const expected = Number(process.argv[2]);
  const server = createServer((socket) => {
    let bytes = 0;
    let begin = 0;
    socket.on("data", (chunk) => {
      if (bytes === 0) begin = performance.now();
      bytes += chunk.length;
      if (bytes < expected) return;
      process.stdout.write(`${performance.now() - begin}\n`);
      server.close();
      socket.end();
    });
  });
  server.listen(0, () => {
    const address = server.address();
    process.stdout.write(`${typeof address === "object" ? address?.port : ""}\n`);
  });
}
