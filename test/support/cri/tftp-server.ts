// Answers every request of TFTP (RFC 1350) with a file of one line, and prints the port it listens at: what busybox speaks
// over UDP. Run in the namespace it is to serve.
import { createSocket, type SocketType } from "node:dgram";

const readRequest = 1;
const data = 3;

const socket = createSocket(process.argv[2] as SocketType);
socket.on("message", (message, { port, address }) => {
  if (message.readUInt16BE(0) !== readRequest) return;
  socket.send(Buffer.concat([Buffer.from([0, data, 0, 1]), Buffer.from("hello\n")]), port, address);
});
socket.bind(0, () => process.stdout.write(String(socket.address().port)));
