// The views that pictures are taken of, over the demo's data and the little that is made here beside it.

/** `shown`: the looks in which the documents have it. All other pictures are for looking at while the page is changed. */
export const VIEWS = [
  { name: "sign-in", at: "/", isSignedOut: true },
  { name: "run", at: async (rest) => `/runs/${await runUnderWay(rest)}`, shown: ["light"] },
  { name: "overview", at: "/", shown: ["light", "dark", "phone-light"] },
  { name: "devices", at: "/devices", shown: ["light"] },
  { name: "device-now", at: "/devices/shop-till-05", shown: ["dark"] },
  { name: "device-charts", at: "/devices/shop-till-05/charts?span=6h", shown: ["light"] },
  { name: "device-presence", at: "/devices/shop-till-05/presence?span=6h" },
  { name: "device-commands", at: "/devices/shop-till-05/commands" },
  { name: "device-update", at: "/devices/shop-till-05/update" },
  { name: "device-errors", at: "/devices/shop-till-05/errors" },
  { name: "device-settings", at: "/devices/shop-till-05/settings" },
  { name: "device-keys", at: "/devices/shop-till-05/keys" },
  { name: "sites", at: "/sites" },
  { name: "site", at: "/sites/shop-1?span=6h" },
  { name: "explore", at: "/explore?device=shop-till-05&device=shop-till-08&device=shop-till-11&metric=cpu_percent&metric=error_rate&span=6h", shown: ["dark"] },
  { name: "errors", at: "/errors" },
  { name: "activity", at: "/activity" },
  { name: "commands", at: "/commands" },
  { name: "command", at: async (rest) => `/commands/${await lastCommand(rest)}` },
  { name: "runs", at: "/runs" },
  { name: "new-run", at: "/runs/new?site=shop-1&type=RESTART_APP&source=simulated", shown: ["light"] },
  { name: "releases", at: "/releases" },
  { name: "rollouts", at: "/rollouts" },
  { name: "new-rollout", at: "/rollouts/new?site=shop-1&source=simulated" },
  { name: "enrolment", at: "/enrolment" },
  { name: "simulation", at: "/simulation" },
  { name: "operators", at: "/operators" },
  { name: "sessions", at: "/sessions" },
  { name: "system", at: "/system" },
  { name: "me", at: "/me" },
];

/** Makes what an installation in use has and the demo has not. */
export async function furnish(rest) {
  for (const labels of [{ floor: "ground" }, { floor: "cellar", spare: "" }]) {
    await rest("POST", "/api/v2/enrollment-tokens", { site_id: "site-001", max_uses: 20, labels });
  }
  await rest("POST", "/api/v2/operators", { name: "night-shift", role: "ROLE_OPERATOR", site_ids: ["shop-1"] }).catch(() => undefined);
}

/** A run that has come some way; one device after the other, it takes about half a minute. */
async function runUnderWay(rest) {
  const { run } = await rest("POST", "/api/v2/runs", {
    target: { label_selector: "simulation=shop", source: "DEVICE_SOURCE_SIMULATED" },
    command_type: "RESTART_APP",
    max_in_flight: 1,
    max_failures: 10,
    description: "The new price list",
  });
  for (;;) {
    const { progress } = (await rest("GET", `/api/v2/runs/${run.run_id}`)).run;
    if (progress.total - progress.waiting >= 9 || progress.waiting === 0) return run.run_id;
    await new Promise((done) => setTimeout(done, 100));
  }
}

async function lastCommand(rest) {
  const { commands } = await rest("GET", "/api/v2/devices/shop-till-05/commands?page_size=1");
  return commands[0].command_id;
}
