/** The line that a person pastes on a device so that it enrols. */
import { DeviceSource } from "~/gen/homepot/common/v1/source_pb";

/** Where the server listens for devices unless its settings say otherwise. */
const GRPC_PORT = 50051;

export interface Here {
  /** As `location` has them: `https:`, `pot.example`. */
  protocol: string;
  hostname: string;
}

export function isThisMachine(hostname: string): boolean {
  return hostname === "localhost" || hostname.endsWith(".localhost") || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

/**
 * The address for devices as far as the page can guess it: its own host, with the port that is usual. Beyond this machine it is
 * always encrypted, because agents refuse anything else.
 */
export function guessedServer({ protocol, hostname }: Here): string {
  const scheme = protocol === "https:" || !isThisMachine(hostname) ? "https" : "http";
  return `${scheme}://${hostname}:${GRPC_PORT}`;
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
