import { defineErrors } from "../errors/error.js";

export const systemdErrors = defineErrors({
  KATA_SYSTEMD_REFUSED: {
    status: "FAILED_PRECONDITION",
    message: (p: { call: string; answer: string }) => `systemd was asked for ${p.call} and said: ${p.answer}`,
  },
  KATA_SYSTEMD_ANSWER: {
    status: "INTERNAL",
    message: (p: { call: string; answer: string }) =>
      `systemd was asked for ${p.call}, and this answer is not understood: ${JSON.stringify(p.answer)}`,
  },
  KATA_SYSTEMD_UNIT: {
    status: "FAILED_PRECONDITION",
    message: (p: { unit: string; state: string; result: string }) =>
      `systemd took the unit ${p.unit} and did not start it: it is ${p.state}, result "${p.result}"; systemctl status ${p.unit}, or the journal, says why`,
  },
});
