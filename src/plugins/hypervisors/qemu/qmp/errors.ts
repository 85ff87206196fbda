import { defineErrors } from "../../../../core/errors/error.js";

export const qmpErrors = defineErrors({
  KATA_QMP_GARBAGE: {
    status: "INTERNAL",
    message: (p: { problem: string; start: string }) =>
      `QEMU's monitor sent what is not QMP (${p.problem}): ${JSON.stringify(p.start)}`,
  },
  KATA_QMP_LOST: {
    status: "UNAVAILABLE",
    message: (p: { command: string }) => `QEMU's monitor is gone; "${p.command}" has no answer`,
  },
  KATA_QMP_NO_DEVICE: {
    status: "NOT_FOUND",
    message: (p: { command: string; description: string }) => `QEMU refused "${p.command}": ${p.description}`,
  },
  KATA_QMP_STATUS: {
    status: "FAILED_PRECONDITION",
    message: (p: { status: string }) => `QEMU's machine does not run: its status is "${p.status}"`,
  },
  KATA_QMP_REFUSED: {
    status: "FAILED_PRECONDITION",
    message: (p: { command: string; kind: string; description: string }) =>
      `QEMU refused "${p.command}": ${p.description} (${p.kind})`,
  },
});
