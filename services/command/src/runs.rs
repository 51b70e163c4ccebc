//! Runs: the same command for many devices, a few at a time.

use std::time::Duration;

use homepot::{
    Error, Kind,
    model::{
        CommandType, DeviceSource, Page, PageRequest, Run, RunDevice, RunDeviceFilter, RunId, RunOrder, RunResumption,
        RunState, Target, Whom,
    },
};
use homepot_hints::Topic;
use homepot_operator_api::{check_fresh_for, said};
use homepot_runtime::{auth::OperatorCaller, backoff::every};
use homepot_store::{
    Lane,
    devices::DeviceRef,
    runs::{self, Started, Starter},
};
use tokio::time::sleep;
use uuid::Uuid;

use crate::{Commands, config::goes_by_rollout, operator_side::check_known};

/// How often runs are looked at where nothing tells of them: what another replica saw, or what ran out of time.
const EVERY: Duration = Duration::from_secs(1);
/// The least time between two looks: commands end by the hundred.
const PAUSE: Duration = Duration::from_millis(100);

/// Drives runs on, whichever replica began them.
pub(crate) async fn drive(ledger: &Commands) {
    let mut ticks = every(EVERY);
    let (mut ledgers, mut runs) = (ledger.hints.listen(Topic::Ledger), ledger.hints.listen(Topic::Runs));
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = ledgers.changed() => {}
            () = runs.changed() => {}
        }
        match ledger.store.run("advance_runs", homepot_store::runs::advance).await {
            Ok(advanced) => {
                for step in &advanced {
                    tracing::info!(run_id = %step.run_id, state = step.state.as_str(), queued = step.queued.len(),
                        "run moved on");
                    for (pk, source) in &step.queued {
                        metrics::counter!("homepot_commands_queued_total", "source" => source.as_str()).increment(1);
                        ledger.hints.wake(*pk);
                    }
                }
                if !advanced.is_empty() {
                    ledger.changed();
                    ledger.run_changed();
                }
            }
            Err(error) => tracing::warn!(%error, "advance runs"),
        }
        sleep(PAUSE).await;
    }
}

impl Commands {
    /// Starts a run; true when the idempotency key named an earlier one.
    pub(crate) async fn start_run(
        &self,
        caller: &OperatorCaller,
        order: RunOrder,
        expected_devices: Option<u32>,
    ) -> Result<(Run, bool), Error> {
        check_fresh_for(caller, &order.target)?;
        if let Whom::Matching { site_id: Some(site_id), .. } = &order.target.whom {
            self.directory.site(caller, site_id.clone()).await?;
        }
        let run_id = RunId(Uuid::now_v7());
        let starter = Starter { name: caller.name.to_string(), scope: caller.scope.clone(), expected_devices };
        let asked = order.clone();
        let insert = move |conn: &mut _| {
            let command_type = asked.command_type.clone();
            runs::insert(conn, run_id, &asked, &starter, |device| why_skipped(device, Some(&command_type)))
        };
        match self.store.run("insert_run", insert).await? {
            Started::New(run) => {
                self.run_changed();
                Ok((run, false))
            }
            Started::Existing(run)
                if RunOrder { max_in_flight: 0, max_failures: 0, ..run.order.clone() }
                    == RunOrder { max_in_flight: 0, max_failures: 0, ..order } =>
            {
                Ok((run, true))
            }
            Started::Existing(run) => Err(Error::new(
                Kind::AlreadyExists,
                format!("the idempotency key names run {}, which was asked for something else", run.run_id),
            )),
        }
    }

    /// The devices that a run would have now, by id, each with why it would be skipped.
    pub(crate) async fn preview_run(
        &self,
        caller: &OperatorCaller,
        target: Target,
        command_type: Option<CommandType>,
    ) -> Result<Vec<RunDevice>, Error> {
        if let Whom::Matching { site_id: Some(site_id), .. } = &target.whom {
            self.directory.site(caller, site_id.clone()).await?;
        }
        let scope = caller.scope.clone();
        let preview = move |conn: &mut _| runs::preview(conn, &target, &scope);
        let devices = self.store.lane(Lane::Reports).run("preview_run", preview).await?;
        let device = |device: DeviceRef| {
            let reason = why_skipped(&device, command_type.as_ref());
            RunDevice {
                skipped: reason.is_some(),
                reason,
                device_id: device.device_id,
                site_id: device.site_id,
                source: device.source,
                command: None,
                result: None,
            }
        };
        Ok(devices.into_iter().map(device).collect())
    }

    /// A run the caller may see.
    pub(crate) async fn get_run(&self, caller: &OperatorCaller, run_id: RunId) -> Result<Run, Error> {
        let scope = caller.scope.clone();
        let found = self.store.run("find_run", move |conn| runs::find(conn, run_id, &scope)).await?;
        found.ok_or_else(|| Error::not_found("Run not found"))
    }

    /// The runs the caller may see, newest first.
    pub(crate) async fn list_runs(
        &self,
        caller: &OperatorCaller,
        state: Option<RunState>,
        source: Option<DeviceSource>,
        page: PageRequest,
    ) -> Result<Page<Run>, Error> {
        let scope = caller.scope.clone();
        Ok(self.store.run("list_runs", move |conn| runs::list(conn, &scope, state, source, &page)).await?)
    }

    /// The devices of a run the caller may see.
    pub(crate) async fn list_run_devices(
        &self,
        caller: &OperatorCaller,
        run_id: RunId,
        filter: RunDeviceFilter,
        page: PageRequest,
    ) -> Result<Page<RunDevice>, Error> {
        self.get_run(caller, run_id).await?;
        let list = move |conn: &mut _| runs::devices(conn, run_id, &filter, &page);
        Ok(self.store.run("list_run_devices", list).await?)
    }

    /// Queues nothing more for now.
    pub(crate) async fn pause_run(&self, caller: &OperatorCaller, run_id: RunId, why: &str) -> Result<Run, Error> {
        self.get_run(caller, run_id).await?;
        let reason = said("paused", caller, why);
        let paused = self.store.run("pause_run", move |conn| runs::pause(conn, run_id, &reason)).await?;
        self.moved(paused)
    }

    /// Goes on.
    pub(crate) async fn resume_run(
        &self,
        caller: &OperatorCaller,
        run_id: RunId,
        how: RunResumption,
    ) -> Result<Run, Error> {
        let run = self.get_run(caller, run_id).await?;
        check_fresh_for(caller, &run.order.target)?;
        let resumed = self.store.run("resume_run", move |conn| runs::resume(conn, run_id, &how)).await?;
        self.moved(resumed)
    }

    /// Ends a run; what has not started is taken back.
    pub(crate) async fn cancel_run(&self, caller: &OperatorCaller, run_id: RunId, why: &str) -> Result<Run, Error> {
        self.get_run(caller, run_id).await?;
        let reason = said("cancelled", caller, why);
        let cancelled = self.store.run("cancel_run", move |conn| runs::cancel(conn, run_id, &reason)).await?;
        let run = cancelled.map(|(run, to_ask)| {
            to_ask.into_iter().for_each(|pk| self.hints.wake(pk));
            run
        });
        self.moved(run)
    }

    fn moved(&self, run: Option<Run>) -> Result<Run, Error> {
        let run = run.ok_or_else(|| Error::new(Kind::Conflict, "the run has ended"))?;
        self.changed();
        self.run_changed();
        Ok(run)
    }
}

/// Why a run leaves a device out; `None`: it does not. Whether the device knows the command is asked only where one is given.
fn why_skipped(device: &DeviceRef, command_type: Option<&CommandType>) -> Option<String> {
    if !device.active {
        return Some("the device is inactive".to_owned());
    }
    let command_type = command_type?;
    if goes_by_rollout(device, command_type) {
        // A run would hand it over as it is, and the device would reject it.
        return Some(format!("a run does not bring {command_type} to this device: set values, and start a rollout"));
    }
    check_known(device, command_type).err().map(|_| format!("the device does not know {command_type}"))
}
