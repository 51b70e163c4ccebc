/** The line that a person pastes on a device so that it enrols. */
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";

/** Where servers listen for devices unless their settings say otherwise. */
const USUAL_PORT = 50051;

export interface Here {
  /** As `location` has them: `https:`, `pot.example`. */
  protocol: string;
  hostname: string;
}

export function isThisMachine(hostname: string): boolean {
  return hostname === "localhost" || hostname.endsWith(".localhost") || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

/**
 * The address for devices: the one that the server tells. Where it listens on every address of its machine, the page's own host stands for
 * them. Where it does not know its address, the page can only guess: its own host, with the usual port; beyond this machine encrypted,
 * because agents refuse anything else.
 */
export function deviceServer(told: string, { protocol, hostname }: Here): string {
  if (told) return told.replace(/^(https?:\/\/)(0\.0\.0\.0|\[::\])(?=:|$)/, (_, scheme: string) => scheme + hostname);
  const scheme = protocol === "https:" || !isThisMachine(hostname) ? "https" : "http";
  return `${scheme}://${hostname}:${USUAL_PORT}`;
}

interface Enrolling {
  secret: string;
  server: string;
  siteId: string;
  source: DeviceSource;
  /** How many devices may use the token; a simulator plays as many. */
  devices: number;
}

/** Such as `HOMEPOT_ENROLLMENT_TOKEN=hpe_… homepot-agent run --server https://pot.example:50051 --site shop-7`. */
export function enrolLine({ secret, server, siteId, source, devices }: Enrolling): string {
  const program = source === DeviceSource.SIMULATED ? `homepot-sim fleet --devices ${devices}` : "homepot-agent run";
  return `HOMEPOT_ENROLLMENT_TOKEN=${quoted(secret)} ${program} --server ${quoted(server)} --site ${quoted(siteId)}`;
}

/** As a shell takes it for one word, whatever it holds. */
function quoted(word: string): string {
  return /^[A-Za-z0-9_.:/@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
