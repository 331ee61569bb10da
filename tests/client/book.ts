// A partner's program: all it knows of the services is docs/openapi, from which its types were made,
// and what docs/webhooks.md says. Its arguments are the URLs of a pod's public port and of its desk,
// the port that the pod's webhooks go to, and their secret.
import assert from "node:assert/strict";
import http from "node:http";
import createClient from "openapi-fetch";
import { Webhook } from "standardwebhooks";
import type { paths as DeskPaths } from "./desk.js";
import type { paths as PartnerPaths } from "./partner.js";

const [pod, deskUrl, hookPort, secret] = process.argv.slice(2) as [string, string, string, string];
const key = { Authorization: "Bearer partners-key" };
const partner = createClient<PartnerPaths>({ baseUrl: pod, headers: key });
const desk = createClient<DeskPaths>({ baseUrl: deskUrl });
const day = (days: number) =>
  new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10) + "T10:00:00Z";
const period = { pickup_at: day(30), return_at: day(33) };
const counts = { passed: 0, failed: 0 };

async function step(name: string, work: () => Promise<void>) {
  try {
    await work();
    counts.passed++;
    console.log(`ok   ${name}`);
  } catch (error) {
    counts.failed++;
    console.log(`FAIL ${name}: ${error}`);
  }
}

// The webhooks that came, and whoever waits for the next.
const came: { headers: Record<string, string>; body: string }[] = [];
let arrived = () => {};
const receiver = http.createServer((request, response) => {
  let body = "";
  request.on("data", (part) => (body += part));
  request.on("end", () => {
    came.push({ headers: request.headers as Record<string, string>, body });
    response.writeHead(204).end();
    arrived();
  });
});
await new Promise<void>((done) => receiver.listen(Number(hookPort), "127.0.0.1", done));

let id = "";

await step("offers one car and many", async () => {
  const one = await partner.GET("/bookCar", { params: { query: period } });
  assert.equal(one.response.status, 200);
  const many = await partner.GET("/offers", { params: { query: { ...period, limit: 3 } } });
  assert.equal(many.response.status, 200);
  assert.ok(many.data);
});

await step("holds a car, the same one for the same key", async () => {
  const ask = () =>
    partner.POST("/bookCar", {
      params: { header: { "Idempotency-Key": "trip-1" } },
      body: { ...period, category: "ECMR", hold_seconds: 600, reference: "trip-1" },
    });
  const first = await ask();
  const second = await ask();
  assert.equal(first.response.status, 201);
  assert.deepEqual(second.data, first.data);
  id = first.data!.booking_id;
  assert.equal(first.response.headers.get("location"), `/bookings/${id}`);
});

await step("looks, confirms and lists", async () => {
  const path = { params: { path: { id } } };
  assert.equal((await partner.GET("/bookings/{id}", path)).data?.booking_id, id);
  assert.equal((await partner.POST("/bookings/{id}/confirm", path)).response.status, 200);
  const list = await partner.GET("/bookings", { params: { query: { reference: "trip-1" } } });
  assert.equal(list.data?.bookings.length, 1);
  assert.equal(list.data?.bookings[0]?.status, "booked");
});

await step("is told why not", async () => {
  const none = await partner.GET("/bookings/{id}", { params: { path: { id: "A".repeat(22) } } });
  assert.equal(none.response.status, 404);
  assert.equal(none.error?.type, "urn:problem-type:unknown-booking");
  const open = createClient<PartnerPaths>({ baseUrl: pod });
  assert.equal((await open.GET("/bookCar", {})).response.status, 401);
});

await step("hears of the operator's cancellation, signed", async () => {
  const next = new Promise<void>((done) => (arrived = done));
  const cancelled = await desk.POST("/api/bookings/{id}/cancel", {
    params: { path: { id } },
    body: { reason: "the car broke down" },
  });
  assert.equal(cancelled.response.status, 200);
  await next;
  const { headers, body } = came[0]!;
  const change = new Webhook(secret).verify(body, headers) as Record<string, unknown>;
  assert.equal(change.type, "booking.cancelled");
  assert.equal(change.booking_id, id);
  assert.throws(() => new Webhook(secret).verify(body + " ", headers));
});

await step("finds the same among its changes", async () => {
  const changes = await partner.GET("/changes", { params: { query: { after: 0 } } });
  const mine = changes.data?.changes.filter((change) => change.booking_id === id);
  assert.deepEqual(mine?.map((change) => change.status), ["held", "booked", "cancelled"]);
});

receiver.close();
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exit(counts.failed ? 1 : 0);
