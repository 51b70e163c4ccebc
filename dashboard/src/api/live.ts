/** Things that are read once and then kept current by the news. */
import { useEffect, useState } from "preact/hooks";
import type { Command, Run } from "~/gen/homepot/command/v1/command_pb";
import type { Device } from "~/gen/homepot/registry/v1/registry_pb";
import { news, type News } from "./news";

/** Rows as they were read, each replaced by what the news say of it. What was removed is left out. News of 100 ms are shown at once. */
function useLive<T>(rows: T[], key: (row: T) => string, pick: (what: News) => T[], removed: (what: News) => string[]): T[] {
  const [changed, setChanged] = useState<ReadonlyMap<string, T | null>>(new Map());
  useEffect(() => {
    let waiting: Map<string, T | null> | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = news.hear((what) => {
      const these = pick(what);
      const gone = removed(what);
      if (these.length + gone.length === 0) return;
      waiting ??= new Map();
      for (const row of these) waiting.set(key(row), row);
      for (const id of gone) waiting.set(id, null);
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
  // What is read again is newer than news from before.
  useEffect(() => setChanged(new Map()), [rows.length === 0 ? rows.length : rows[0]]);
  return rows.flatMap((row) => {
    const news = changed.get(key(row));
    return news === null ? [] : [news ?? row];
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
