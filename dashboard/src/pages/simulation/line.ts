/** The line that plays a fleet. See docs/simulator.md. */

export interface Fleet {
  name: string;
  devices: string;
  sites: string;
  scenario: string;
  history: string;
}

/** Those that the simulator ships with, and what each is. */
export const SCENARIOS: readonly { value: string; label: string; about: string }[] = [
  { value: "healthy", label: "healthy", about: "A shop on a usual day: few faults, and they pass." },
  { value: "demo_shop", label: "demo_shop", about: "Three small shops that never close, one device about to die." },
  { value: "degraded", label: "degraded", about: "A tired fleet: bad lines, full disks, failing hardware, clocks that are off." },
  { value: "high_cpu", label: "high_cpu", about: "Processors at their limit: everything is slow, some of it fails." },
  { value: "low_memory", label: "low_memory", about: "Memory that is never given back, restarts that free it for a while." },
  { value: "high_errors", label: "high_errors", about: "The application behind the tills fails every tenth time." },
  { value: "network_storm", label: "network_storm", about: "Lines fail in waves, and whole parts of the fleet come back at once." },
  { value: "bad_rollout", label: "bad_rollout", about: "A third of the fleet fetches a configuration that is bad for it." },
  { value: "black_friday", label: "black_friday", about: "Five times the trade, and a rush every quarter of an hour." },
];

export const HISTORIES: readonly { value: string; label: string }[] = [
  { value: "", label: "No past: measure from now on" },
  { value: "6h", label: "6 hours" },
  { value: "1d", label: "1 day" },
  { value: "7d", label: "7 days" },
];

/** What is wrong with each part, by its name; an empty object: nothing. */
export function faults({ name, devices, sites }: Fleet): Partial<Record<keyof Fleet, string>> {
  return {
    ...(/^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/.test(name) ? {} : { name: "1 to 40 small letters, digits and hyphens, no hyphen first or last." }),
    ...(isWithin(devices, 1_000_000) ? {} : { devices: "A whole number from 1 to 1,000,000." }),
    ...(isWithin(sites, 1_000) ? {} : { sites: "A whole number from 1 to 1,000." }),
  };
}

function isWithin(text: string, most: number): boolean {
  return /^[1-9]\d*$/.test(text) && Number(text) <= most;
}

/** Such as `homepot-sim fleet --server https://pot.example:50051 --devices 24`; the token is in the environment. */
export function line(fleet: Fleet, server: string): string {
  const { name, devices, sites, scenario, history } = fleet;
  const isLocal = server === "http://127.0.0.1:50051" || server === "http://localhost:50051";
  return [
    "homepot-sim fleet",
    !isLocal && `--server ${server}`,
    name !== "sim" && `--name ${name}`,
    `--devices ${devices}`,
    `--sites ${sites}`,
    `--scenario ${scenario}`,
    history && `--history ${history}`,
  ]
    .filter(Boolean)
    .join(" ");
}
