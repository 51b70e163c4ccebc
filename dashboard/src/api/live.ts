/** Things that are read once and then kept current by the news. */
import { useEffect, useState } from "preact/hooks";
import type { Command, Run } from "~/gen/homepot/command/v1/command_pb";
import type { Device } from "~/gen/homepot/registry/v1/registry_pb";
import { CALL_MS } from "./clients";
import { news, type News } from "./news";

/** What the news said of a row, and when, in this browser's time. `row` is `null` for one that was removed. */
interface Heard<T> {
  row: T | null;
  at: number;
}

/** Rows as they were read, each replaced by what the news say of it. What was removed is left out. News of 100 ms are shown at once. */
function useLive<T>(rows: T[], key: (row: T) => string, pick: (what: News) => T[], removed: (what: News) => string[]): T[] {
  const [changed, setChanged] = useState<ReadonlyMap<string, Heard<T>>>(new Map());
  useEffect(() => {
    let waiting: Map<string, Heard<T>> | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = news.hear((what) => {
      const these = pick(what);
      const gone = removed(what);
      if (these.length + gone.length === 0) return;
      waiting ??= new Map();
      const at = Date.now();
      for (const row of these) waiting.set(key(row), { row, at });
      for (const id of gone) waiting.set(id, { row: null, at });
      timer ??= setTimeout(() => {
        timer = undefined;
        const batch = waiting;
        waiting = undefined;
        if (batch) setChanged((before) => new Map([...before, ...batch]));
      }, 100);
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, []);
  // What is read again is newer than news from before the read began. That was at most the time of a call ago.
  useEffect(
    () => setChanged((before) => new Map([...before].filter(([, { at }]) => at > Date.now() - CALL_MS))),
    [rows.length === 0 ? rows.length : rows[0]],
  );
  return rows.flatMap((row) => {
    const heard = changed.get(key(row));
    if (!heard) return [row];
    return heard.row === null ? [] : [heard.row];
  });
}

const none = () => [];

export function useLiveDevices(rows: Device[]): Device[] {
  return useLive(rows, (row) => row.deviceId, (what) => what.devices, (what) => what.removedDeviceIds);
}

export function useLiveCommands(rows: Command[]): Command[] {
  return useLive(rows, (row) => row.commandId, (what) => what.commands, none);
}

export function useLiveRuns(rows: Run[]): Run[] {
  return useLive(rows, (row) => row.runId, (what) => what.runs, none);
}

/** Calls `heard` for news; for what can't be kept by rows alone, such as new entries of a list. */
export function useNews(heard: (what: News) => void): void {
  useEffect(() => news.hear(heard), []);
}
