import { expect, test } from "vitest";
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";
import { deviceServer, enrolLine, isThisMachine } from "./line";

test("the address is the one that the server tells; one that stands for all of its addresses is that of the page's host", () => {
  const here = { protocol: "https:", hostname: "pot.example" };
  expect(["https://devices.example", "https://10.0.0.7:443", "http://0.0.0.0:50051", "https://[::]:443", "https://0.0.0.0.example:1"].map((told) => deviceServer(told, here))).toEqual([
    "https://devices.example",
    "https://10.0.0.7:443",
    "http://pot.example:50051",
    "https://pot.example:443",
    "https://0.0.0.0.example:1",
  ]);
});

test("where the server does not know it, a guess is encrypted beyond this machine, whatever the page came by", () => {
  const told = [
    ["http:", "127.0.0.1"],
    ["http:", "localhost"],
    ["https:", "localhost"],
    ["http:", "[::1]"],
    ["http:", "pot.example"],
    ["https:", "pot.example"],
  ].map(([protocol = "", hostname = ""]) => deviceServer("", { protocol, hostname }));
  expect(told).toEqual([
    "http://127.0.0.1:50051",
    "http://localhost:50051",
    "https://localhost:50051",
    "http://[::1]:50051",
    "https://pot.example:50051",
    "https://pot.example:50051",
  ]);
});

test("a name that only looks like this machine is another one", () => {
  expect(["127.0.0.1", "127.8.9.1", "a.localhost"].every(isThisMachine)).toBe(true);
  expect(["127.0.0.1.example", "localhost.example", "10.0.0.1"].some(isThisMachine)).toBe(false);
});

test("a real device runs the agent, simulated ones the simulator", () => {
  const token = { secret: "hpe_abc", server: "https://pot.example:50051", siteId: "shop-7", devices: 20 };
  expect(enrolLine({ ...token, source: DeviceSource.REAL })).toBe(
    "HOMEPOT_ENROLLMENT_TOKEN=hpe_abc homepot-agent run --server https://pot.example:50051 --site shop-7",
  );
  expect(enrolLine({ ...token, source: DeviceSource.SIMULATED })).toBe(
    "HOMEPOT_ENROLLMENT_TOKEN=hpe_abc homepot-sim fleet --devices 20 --server https://pot.example:50051 --site shop-7",
  );
});

test("what a shell would take apart is quoted", () => {
  expect(enrolLine({ secret: "hpe_abc", server: "http://[::1]:50051", siteId: "it's; rm", source: DeviceSource.REAL, devices: 1 })).toBe(
    "HOMEPOT_ENROLLMENT_TOKEN=hpe_abc homepot-agent run --server 'http://[::1]:50051' --site 'it'\\''s; rm'",
  );
});
