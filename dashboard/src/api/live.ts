/** Things that are read once and then kept current by the news. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { Command, Run } from "~/gen/homepot/command/v1/command_pb";
import type { Device } from "~/gen/homepot/registry/v1/registry_pb";
import type { Rollout } from "~/gen/homepot/rollout/v1/rollout_pb";
import { Kept } from "./kept";
import { news, type News } from "./news";

/** So long news are gathered; then the rows that they change are drawn once. */
const GATHER_MS = 100;

/** Rows as they were read, each replaced by what the news say of it. What was removed is left out. */
function useLive<T>(rows: readonly T[], key: (row: T) => string, pick: (what: News) => T[], removed: (what: News) => string[]): T[] {
  const kept = useRef<Kept<T>>();
  kept.current ??= new Kept(key);
  kept.current.read(rows);
  const [, drawAgain] = useState(0);
  useEffect(() => {
    let waiting = new Map<string, T | null>();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = news.hear((what) => {
      for (const id of removed(what)) waiting.set(id, null);
      for (const row of pick(what)) waiting.set(key(row), row);
      if (waiting.size === 0) return;
      timer ??= setTimeout(() => {
        timer = undefined;
        const batch = waiting;
        waiting = new Map();
        if (kept.current?.take(batch)) drawAgain((times) => times + 1);
      }, GATHER_MS);
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, []);
  return kept.current.now;
}

const none = () => [];

export function useLiveDevices(rows: readonly Device[]): Device[] {
  return useLive(rows, (row) => row.deviceId, (what) => what.devices, (what) => what.removedDeviceIds);
}

export function useLiveCommands(rows: readonly Command[]): Command[] {
  return useLive(rows, (row) => row.commandId, (what) => what.commands, none);
}

export function useLiveRuns(rows: readonly Run[]): Run[] {
  return useLive(rows, (row) => row.runId, (what) => what.runs, none);
}

export function useLiveRollouts(rows: readonly Rollout[]): Rollout[] {
  return useLive(rows, (row) => row.rolloutId, (what) => what.rollouts, none);
}

/** Calls `heard` for news; for what can't be kept by rows alone, such as new entries of a list. */
export function useNews(heard: (what: News) => void): void {
  useEffect(() => news.hear(heard), []);
}
