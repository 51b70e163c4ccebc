//! Unary calls that do what the stream does, one message at a time: for devices that can't hold a stream, and for
//! legacy devices behind the gateway.

use chrono::{DateTime, Utc};
use homepot::{
    Error, Kind,
    model::{Command, CommandId, Delivery, Device, ErrorReport, Event, Outcome, SelfChange},
    pb::device::v1 as pb,
};
use homepot_command::{Speaker, outcome_word, word};
use homepot_runtime::auth::DeviceCaller;
use homepot_telemetry::Expected;
use tokio::time::timeout;

use crate::{
    Link,
    protocol::{MAX_SAMPLES, add_refused, count_corrected, count_refused, read_samples},
};

const MAX_COMMANDS: u32 = 100;

impl Link {
    pub(crate) async fn report_samples(
        &self,
        caller: &DeviceCaller,
        request: pb::ReportSamplesRequest,
    ) -> Result<pb::ReportSamplesResponse, Error> {
        check_own(caller, &request.device_id)?;
        let count = request.samples.len();
        if count == 0 || count > MAX_SAMPLES {
            return Err(Error::invalid("samples", format!("must be 1 to {MAX_SAMPLES} samples")));
        }
        self.inner.presence.polled(caller.pk);
        let clock = self.clock();
        let stamp = || Some(self.inner.stamps.next(clock.now));
        let (samples, mut refused) = read_samples(request.samples, clock, stamp);
        count_refused(&refused, caller.source);
        count_corrected(&samples, caller.source);
        let stored = self.inner.telemetry.ingest(caller.pk, caller.source, samples, Expected::New);
        add_refused(&mut refused, self.in_time(stored).await?);
        let accepted = u32::try_from(count - refused.len()).unwrap_or(u32::MAX);
        Ok(pb::ReportSamplesResponse { accepted, refused })
    }

    /// Bounds the wait for a database that is away: who calls without a stream has a deadline of its own, and should hear
    /// from us before it passes.
    async fn in_time<T>(&self, stored: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let config = &self.inner.config;
        timeout(config.report_deadline, stored).await.unwrap_or_else(|_| {
            let told = Error::new(Kind::Unavailable, "samples can't be stored right now");
            Err(told.retry_after(config.reconnect_after))
        })
    }

    pub(crate) async fn fetch_commands(&self, caller: &DeviceCaller, page_size: u32) -> Result<Vec<Delivery>, Error> {
        let limit = match page_size {
            0 => MAX_COMMANDS,
            1..=MAX_COMMANDS => page_size,
            _ => return Err(Error::invalid("page_size", format!("must be 0 to {MAX_COMMANDS}"))),
        };
        self.inner.presence.polled(caller.pk);
        self.inner.commands.fetch(caller.pk, caller.source, limit).await
    }

    pub(crate) async fn acknowledge(
        &self,
        caller: &DeviceCaller,
        device_id: &str,
        id: CommandId,
    ) -> Result<Command, Error> {
        check_own(caller, device_id)?;
        self.inner.presence.polled(caller.pk);
        let word = word(Speaker::Poller { pk: caller.pk }, id, Event::Acknowledged);
        self.inner.commands.hear_one(word).await?.into_command()
    }

    pub(crate) async fn report_outcome(&self, caller: &DeviceCaller, outcome: Outcome) -> Result<Command, Error> {
        self.inner.presence.polled(caller.pk);
        let word = outcome_word(Speaker::Poller { pk: caller.pk }, outcome);
        self.inner.commands.hear_one(word).await?.into_command()
    }

    /// Answers the server's time.
    pub(crate) fn report_heartbeat(&self, caller: &DeviceCaller, device_id: &str) -> Result<DateTime<Utc>, Error> {
        check_own(caller, device_id)?;
        self.inner.presence.polled(caller.pk);
        Ok(self.clock().now)
    }

    pub(crate) async fn update_self(
        &self,
        caller: &DeviceCaller,
        request: pb::UpdateSelfRequest,
    ) -> Result<Device, Error> {
        check_own(caller, &request.device_id)?;
        let change = SelfChange::try_from(request)?;
        self.inner.presence.polled(caller.pk);
        self.inner.registry.update_self(caller.pk, change).await
    }

    pub(crate) async fn report_error(
        &self,
        caller: &DeviceCaller,
        request: pb::ReportErrorRequest,
    ) -> Result<(), Error> {
        check_own(caller, &request.device_id)?;
        let report = ErrorReport::try_from(request.error.unwrap_or_default())?;
        self.inner.presence.polled(caller.pk);
        self.inner.analytics.report(caller, report).await
    }
}

/// A device speaks for itself only.
fn check_own(caller: &DeviceCaller, device_id: &str) -> Result<(), Error> {
    if device_id.is_empty() || device_id == caller.device_id.as_str() {
        return Ok(());
    }
    Err(Error::new(Kind::Forbidden, "Device ID mismatch"))
}
