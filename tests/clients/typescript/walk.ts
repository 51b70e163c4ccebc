// Lists, queues, queries and watches with types that were generated from the OpenAPI document alone.
//
// usage: HOMEPOT_TOKEN=<an admin's token> node walk.js BASE_URL DEVICE_ID

import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

type Schemas = components["schemas"];

const [baseUrl, deviceId] = process.argv.slice(2) as [string, string];
const headers = { authorization: `Bearer ${process.env["HOMEPOT_TOKEN"]}` };
const client = createClient<paths>({ baseUrl, headers });

function check(holds: boolean, told: unknown): asserts holds {
  if (!holds) throw new Error(JSON.stringify(told));
}

/** The messages of a stream of server-sent events. */
async function* events<Message>(body: ReadableStream<Uint8Array<ArrayBuffer>> | null | undefined): AsyncGenerator<[string, Message]> {
  check(body != null, "no body");
  let text = "";
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const lines = text.slice(0, end).split("\n");
      text = text.slice(end + 2);
      const field = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
      const data = field("data");
      if (data !== undefined) yield [field("event") ?? "message", JSON.parse(data) as Message];
    }
  }
}

// List.
const made = await client.POST("/api/v2/sites", { body: { site_id: "by-typescript", name: "By TypeScript" } });
check(made.data?.site?.site_id === "by-typescript", made.error);
const devices = await client.GET("/api/v2/devices", { params: { query: { page_size: 100 } } });
check(devices.data?.devices?.some((device) => device.device_id === deviceId) === true, devices);

// A fault is told by its field.
const refused = await client.POST("/api/v2/sites", { body: { site_id: "no spaces", name: "x" } });
const detail = refused.error?.detail;
check(Array.isArray(detail) && detail[0]?.loc.join(".") === "body.site_id", refused.error);

// Queue, and watch.
const queued = await client.POST("/api/v2/devices/{device_id}/commands", {
  params: { path: { device_id: deviceId } },
  body: { command_type: "PING", time_to_live: "600s" },
});
const commandId = queued.data?.command?.command_id;
check(commandId !== undefined && queued.data?.command?.state === "COMMAND_STATE_QUEUED", queued);
const query = { command_ids: [commandId] };
const watch = await client.GET("/api/v2/watch/commands", { params: { query }, parseAs: "stream" });
let seen = false;
for await (const [, message] of events<Schemas["command.v1.WatchResponse"]>(watch.data)) {
  seen = message.commands?.some((command) => command.command_id === commandId) ?? false;
  if (seen) break;
}
check(seen, "the watch ended without the command");

// Query.
const asked = { device_ids: [deviceId], metrics: ["METRIC_CPU_PERCENT" as const] };
const series = await client.GET("/api/v2/series", { params: { query: asked }, parseAs: "stream" });
const points: number[] = [];
let last = "";
for await (const [name, piece] of events<Schemas["telemetry.v1.QueryResponse"]>(series.data)) {
  last = name;
  points.push(...(piece.series?.points ?? []).map((point) => Number(point.last)));
}
check(last === "end" && points.length === 1 && points[0] === 42.5, { last, points });

console.log("all of it answered");
