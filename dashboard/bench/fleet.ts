/** Devices by the thousand, written into the tables, and changes of them at a steady rate. */
import { spawn } from "node:child_process";
import type { World } from "../browser/world";

const SITES = 20;
/** Changes come in this many transactions a second, each followed by the hint that the server itself would send. */
const TRANSACTIONS_A_SECOND = 10;
/** No fleet here has a multiple of this many devices, so steps of it reach each of them. */
const STRIDE = 7_919;

/** Makes devices with the numbers from `from` to below `to`, all online. A heartbeat is due so seldom that none falls silent. */
export async function insert(its: World, from: number, to: number): Promise<void> {
  await its.sql(`
    INSERT INTO sites (site_id, name)
      SELECT format('shop-%s', number), format('Shop %s', number) FROM generate_series(1, ${SITES}) AS number ON CONFLICT DO NOTHING;
    INSERT INTO devices (device_id, site_id, name, device_type, source)
      SELECT ${idOf("number")}, format('shop-%s', number % ${SITES} + 1), format('Till %s of the shop', number),
        (ARRAY['pos_terminal', 'kiosk', 'server'])[number % 3 + 1], 'simulated' FROM generate_series(${from}, ${to - 1}) AS number;
    INSERT INTO sessions (device, session_epoch, last_seen_at, attached_at, heartbeat_ms, agent_version, boot_id, capabilities, status, status_since)
      SELECT device, 1, now(), now(), 86400000, '0.1.0', format('boot-%s', device), ARRAY['PING', 'REBOOT', 'RUN_DIAGNOSTICS'], 'online', now()
      FROM devices LEFT JOIN sessions USING (device) WHERE sessions.device IS NULL AND device_id LIKE 'bench-%';
    ANALYZE devices; ANALYZE sessions;`);
}

function idOf(number: string): string {
  return `format('bench-%s', lpad(${number}::text, 5, '0'))`;
}

/** The next devices to change: all in turn, in an order in which neighbours don't follow one another. */
export function* inTurn(devices: number): Generator<string, never> {
  for (let number = 0; ; number = (number + STRIDE) % devices) yield `bench-${String(number).padStart(5, "0")}`;
}

/**
 * Has so many devices a second go offline, or come online where they are offline, until it is stopped. The rows are changed as the
 * server does it, and everything after that is the real way: the hint, the server's look, the watches.
 */
export function changes(its: World, devices: number, aSecond: number): { stop: () => Promise<void> } {
  const psql = spawn("psql", [...its.psql], { stdio: ["pipe", "ignore", "inherit"] });
  const next = inTurn(devices);
  let due = performance.now();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const change = () => {
    const ids = Array.from({ length: Math.round(aSecond / TRANSACTIONS_A_SECOND) }, () => `'${next.next().value}'`);
    psql.stdin.write(`
      UPDATE sessions SET ended = NOT ended, status = CASE WHEN ended THEN 'online' ELSE 'offline' END, status_since = now(),
        last_seen_at = now(), changed_at = now(), version = version + 1
        WHERE device IN (SELECT device FROM devices WHERE device_id IN (${ids.join()}));
      SELECT pg_notify('homepot_hints', 'i=bench t=presence');\n`);
    // By the clock: where one was late, the next is not.
    due += 1_000 / TRANSACTIONS_A_SECOND;
    timer = setTimeout(change, Math.max(0, due - performance.now()));
  };
  change();
  return {
    stop: async () => {
      clearTimeout(timer);
      const gone = new Promise((done) => psql.once("exit", done));
      psql.stdin.end();
      await gone;
    },
  };
}
