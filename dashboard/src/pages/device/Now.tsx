import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { href } from "~/app/route";
import { type Device, DeviceStatus } from "~/gen/homepot/registry/v1/registry_pb";
import type { Sample } from "~/gen/homepot/telemetry/v1/telemetry_pb";
import { Ago, At, Empty, Failed, LinkButton, Loading, Meter, Notice, type Tone } from "~/kit";
import { now } from "~/kit/time";
import { Json } from "~/parts/Json";
import { grouped, isStale, type Reading } from "./readings";
import { useSamples } from "./useSamples";

/** The newest that is known of what the device measures. */
export function Now({ device }: { device: Device }) {
  const { held, newest, isPending, error, again } = useSamples(device.deviceId);
  const sample = newest?.sample;
  if (!sample) {
    if (error) return <Failed error={error} again={again} />;
    if (isPending) return <Loading rows={6} />;
    return (
      <Empty title="This device has not measured anything yet">
        <p>Its first sample comes within a minute of its agent's start. Until then, see under Presence whether the server heard from it.</p>
        <LinkButton href={href(`/devices/${encodeURIComponent(device.deviceId)}/presence`)}>Presence</LinkButton>
      </Empty>
    );
  }
  const isPast = isAway(device) || isStale(sample, now.value);
  return (
    <section class="stack" aria-label="Newest measurements">
      {isPast && (
        <Notice tone="warn">
          These are the last figures, as of <At time={sample.collectedAt} />. {isAway(device) ? "The device is not online, so they may have changed since." : "It is online, but has not measured since."}
        </Notice>
      )}
      {grouped(held).map(({ title, readings }) => (
        <section key={title} class="stack readings" data-past={isPast || undefined}>
          <h2>{title}</h2>
          <div class="reading-grid">
            {readings.map((reading) => (
              <ReadingTile key={reading.key} reading={reading} isPast={isPast} />
            ))}
          </div>
        </section>
      ))}
      <Extras sample={sample} />
    </section>
  );
}

function isAway({ presence, active, removedAt }: Device): boolean {
  const status = presence?.status ?? DeviceStatus.UNKNOWN;
  return !active || removedAt !== undefined || status === DeviceStatus.OFFLINE || status === DeviceStatus.UNKNOWN;
}

function ReadingTile({ reading: { name, text, percent, about, at }, isPast }: { reading: Reading; isPast: boolean }) {
  const time = timestampFromMs(at);
  return (
    <div class="reading">
      <span class="quiet small">{name}</span>
      <strong>{text}</strong>
      {percent !== undefined && <Meter percent={percent} label={name} tone={isPast ? "plain" : toneOf(percent)} />}
      <span class="quiet small">
        {about && `${about}, `}
        {isPast ? (
          <>
            as of <At time={time} />
          </>
        ) : (
          <Ago time={time} />
        )}
      </span>
    </div>
  );
}

function toneOf(percent: number): Tone {
  return percent >= 95 ? "bad" : percent >= 85 ? "warn" : "plain";
}

/** What else the device measures, in its own words. */
function Extras({ sample }: { sample: Sample }) {
  return (
    <>
      {sample.deviceTime && (
        <p class="quiet small">
          The device's clock is wrong: it showed <At time={sample.deviceTime} />. The times above are corrected.
        </p>
      )}
      {sample.extra && Object.keys(sample.extra).length > 0 && <Json title="What else it measures" value={sample.extra} none="" />}
    </>
  );
}
