import { defineErrors } from "../errors/error.js";

const said = (lines: readonly string[]) => (lines.length === 0 ? "it said nothing" : `it said: ${lines.join(" | ")}`);

export const ioErrors = defineErrors({
  KATA_IO_URI: {
    status: "INVALID_ARGUMENT",
    message: (p: { stream: string; text: string; problem: string; forms: string }) =>
      `${p.stream} ${JSON.stringify(p.text)}: ${p.problem}; it can be ${p.forms}`,
  },
  KATA_IO_NOT_FIFO: {
    status: "INVALID_ARGUMENT",
    message: (p: { stream: string; path: string; problem: string }) =>
      `${p.stream} ${JSON.stringify(p.path)} is not a fifo: ${p.problem}; a file is written as file://${p.path}`,
  },
  KATA_IO_MISSING: {
    status: "NOT_FOUND",
    message: (p: { stream: string; path: string }) =>
      `${p.stream} ${JSON.stringify(p.path)}: there is no such fifo; whoever asks for the process makes it first`,
  },
  KATA_IO_OPEN: {
    status: "INTERNAL",
    message: (p: { stream: string; path: string; problem: string }) =>
      `${p.stream} ${JSON.stringify(p.path)} cannot be opened: ${p.problem}`,
  },
  KATA_IO_FILE: {
    status: "FAILED_PRECONDITION",
    message: (p: { stream: string; path: string; problem: string }) =>
      `${p.stream} file://${p.path} cannot be appended to: ${p.problem}`,
  },
  KATA_IO_LOGGER_UNTRUSTED: {
    status: "PERMISSION_DENIED",
    message: (p: { path: string; problem: string }) =>
      `the logger binary://${p.path} is not run: ${p.problem}; a logger is an executable file that only root can change`,
  },
  KATA_IO_LOGGER_NOT_READY: {
    status: "DEADLINE_EXCEEDED",
    message: (p: { path: string; ms: number; lines: readonly string[] }) =>
      `the logger ${p.path} neither wrote to descriptor 5 nor closed it within ${p.ms} ms; ${said(p.lines)}`,
  },
  KATA_IO_LOGGER_ENDED: {
    status: "FAILED_PRECONDITION",
    message: (p: { path: string; how: string; lines: readonly string[] }) =>
      `the logger ${p.path} ended before it was ready (${p.how}); ${said(p.lines)}`,
  },
  KATA_IO_CLOSED: {
    status: "FAILED_PRECONDITION",
    message: (p: { stream: string }) => `${p.stream} is closed`,
  },
});
