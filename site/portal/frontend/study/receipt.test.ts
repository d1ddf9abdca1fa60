import { expect, it } from "vitest";
import { judge } from "./receipt";

const NOW = 0;

it("takes accepted and doubled beats as delivered", () => {
  const body = { accepted: [3, 4], duplicates: [2], state: { coverage: 0.5 } };
  expect(judge(200, body, null, NOW)).toEqual({ kind: "accepted", seqs: [3, 4, 2], state: { coverage: 0.5 } });
});

it.each([
  [401, { code: "TOKEN_EXPIRED" }, null, { kind: "renew" }],
  [409, { code: "LEASE_LOST", message: "在别处打开" }, null, { kind: "lease_lost", message: "在别处打开", seqs: [], state: null }],
  [409, { code: "SEQ_CONFLICT", conflicts: [7] }, null, { kind: "conflict", seqs: [7] }],
  [404, { code: "NOT_OPEN", message: "没有" }, null, { kind: "refused", code: "NOT_OPEN", message: "没有" }],
  [422, { detail: [] }, null, { kind: "refused", code: "422", message: "" }],
  [503, { code: "BUSY" }, "12", { kind: "later", afterMs: 12_000, reachable: true }],
  [502, null, null, { kind: "later", afterMs: null, reachable: true }],
])("reads %i %j", (status, body, retryAfter, expected) => {
  expect(judge(status, body, retryAfter, NOW)).toEqual(expected);
});

it("takes what was kept before the lease was lost as delivered", () => {
  const body = { code: "LEASE_LOST", message: "", accepted: [1], duplicates: [2] };
  expect(judge(409, body, null, NOW)).toEqual({ kind: "lease_lost", message: "", seqs: [1, 2], state: null });
});
