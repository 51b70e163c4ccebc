//! Handing commands to a session's device.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use homepot::{
    model::{CommandId, Delivery},
    pb::device::v1::{self as pb, attach_response::Message},
};
use homepot_command::{Claimed, Inbox};
use tracing::Instrument as _;

use crate::{session::Session, sessions::End, trace};

/// Commands to send, oldest first, each once.
type Deliveries = BTreeMap<(DateTime<Utc>, CommandId), Delivery>;
/// The places in traces of the calls that queued them.
type Traces = HashMap<CommandId, String>;

impl Session {
    /// Hands over all that waits, and asks for what is to be taken back. What was claimed as it was queued goes along in its turn.
    pub(crate) async fn deliver(&self, inbox: &Inbox) -> Result<(), End> {
        let commands = &self.link.inner.commands;
        let mut again = inbox.take_unsure();
        loop {
            // Before the ledger is asked: then a device takes the way here for longer than it was, never for shorter.
            let mut asked_at = self.clock.now();
            let claim = self.until_available(|| {
                asked_at = self.clock.now();
                let claim = commands.hand_over(self.caller.pk, self.caller.source, self.epoch, again);
                again = true;
                claim
            });
            let (handed, more) = claim.await?;
            again = false;
            let claimed =
                handed.deliveries.into_iter().map(|delivery| Delivery { server_time: Some(asked_at), ..delivery });
            let mut deliveries = claimed.map(|delivery| (place(&delivery), delivery)).collect();
            let mut traces = handed.traces;
            self.take_out(inbox, &mut deliveries, &mut traces);
            self.send(deliveries, &traces).await?;
            for (command_id, reason) in handed.cancellations {
                tracing::info!(device_id = %self.caller.device_id, %command_id, "device asked to take a command back");
                let command_id = command_id.to_string();
                self.outbound
                    .send(Message::CommandCancellation(pb::CommandCancellation { command_id, reason }))
                    .await?;
            }
            if !more {
                return Ok(());
            }
        }
    }

    /// Hands over what was claimed as it was queued: nothing older waits, or it would not have been. Where a claim may have been
    /// lost, the ledger is asked.
    pub(crate) async fn deliver_claimed(&self, inbox: &Inbox) -> Result<(), End> {
        if inbox.is_unsure() {
            return self.deliver(inbox).await;
        }
        let (mut deliveries, mut traces) = (Deliveries::new(), Traces::new());
        self.take_out(inbox, &mut deliveries, &mut traces);
        self.send(deliveries, &traces).await
    }

    fn take_out(&self, inbox: &Inbox, deliveries: &mut Deliveries, traces: &mut Traces) {
        for Claimed { delivery, trace, asked } in inbox.take() {
            traces.extend(trace.map(|trace| (delivery.command_id, trace)));
            let delivery = Delivery { server_time: Some(self.clock.at(asked)), ..delivery };
            deliveries.insert(place(&delivery), delivery);
        }
    }

    async fn send(&self, deliveries: Deliveries, traces: &Traces) -> Result<(), End> {
        for delivery in deliveries.into_values() {
            let (device_id, command_id) = (&self.caller.device_id, delivery.command_id);
            let trace = trace::deliver(device_id, command_id, traces.get(&command_id));
            let trace_id = homepot_runtime::trace::id(&trace);
            tracing::info!(%device_id, %command_id, trace_id, "command sent");
            self.outbound.send(Message::Command(delivery.into())).instrument(trace).await?;
        }
        Ok(())
    }
}

fn place(delivery: &Delivery) -> (DateTime<Utc>, CommandId) {
    (delivery.created_at, delivery.command_id)
}
