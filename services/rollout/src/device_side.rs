//! What the link asks and tells for the devices it holds.

use homepot::{
    Error, Kind,
    model::{CHUNK_BYTES, DesiredRelease, ReleaseId, Sha256, UpdateAction, UpdateReport},
    pb::device::v1 as pb,
};
use homepot_hints::Topic;
use homepot_store::rollouts::Reported;

use crate::Rollouts;

/// What tells one offer from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Raised with every change.
    pub generation: u64,
    /// Whether it was not taken back.
    pub installs: bool,
    /// Raised when a device that waits is to ask again.
    asks: u32,
}

/// What a device is to be told.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    desired: DesiredRelease,
    ticket: String,
    values: Vec<pb::DesiredValue>,
}

impl Offer {
    /// What tells one offer from another.
    pub fn mark(&self) -> Mark {
        let DesiredRelease { generation, action, asks, .. } = &self.desired;
        Mark { generation: *generation, installs: *action == UpdateAction::Install, asks: *asks }
    }

    /// The release.
    pub fn release_id(&self) -> ReleaseId {
        self.desired.release_id
    }
}

impl From<Offer> for pb::DesiredRelease {
    fn from(offer: Offer) -> Self {
        let Offer { desired, ticket, values } = offer;
        let installs = desired.action == UpdateAction::Install;
        Self {
            generation: desired.generation,
            action: pb::UpdateAction::from(desired.action).into(),
            signed_release: if installs { desired.signed_release } else { Vec::new() },
            signed_roots: if installs {
                desired.roots.into_iter().map(|root| root.signed).collect()
            } else {
                Vec::new()
            },
            transfer_ticket: if installs { ticket } else { String::new() },
            values: if installs { values } else { Vec::new() },
        }
    }
}

impl Rollouts {
    /// What a device should have; `None`: nobody said. Devices that ask at once share a query.
    pub async fn desired(&self, pk: i64) -> Result<Option<Offer>, Error> {
        let Some(desired) = self.desired.run(pk).await? else { return Ok(None) };
        let ticket = self.tickets.issue(pk, desired.release_id, self.store.now().timestamp());
        Ok(self.told_values(pk, &desired).map(|values| Offer { desired, ticket, values }))
    }

    /// Keeps what a device says of itself, and answers what it is to do by now. It is durable then.
    pub async fn report(&self, pk: i64, report: UpdateReport) -> Result<Reported, Error> {
        let moves_on = report.state.is_some_and(|state| !state.is_in_flight());
        let reported = self.reports.run((pk, report)).await?;
        if reported.is_new && moves_on {
            self.hints.tell(Topic::Rollouts);
        }
        Ok(reported)
    }

    /// A part of a file of the release that `ticket` was made for.
    pub async fn fetch(&self, pk: i64, request: pb::FetchArtifactRequest) -> Result<pb::FetchArtifactResponse, Error> {
        let pb::FetchArtifactRequest { ticket, sha256, offset, length } = request;
        let sha256 = Sha256::parse(&sha256)?;
        if ticket.contains('\0') {
            return Err(Error::invalid("ticket", "holds a NUL character"));
        }
        if length == 0 || length > CHUNK_BYTES {
            return Err(Error::invalid("length", format!("must be 1 to {CHUNK_BYTES}")));
        }
        let refused = || Error::new(Kind::Forbidden, "the ticket has expired, or is not of this device; attach again");
        let release = self.tickets.check(&ticket, pk, self.store.now().timestamp()).ok_or_else(refused)?;
        let files = self.parts.files(release).await?;
        let size = *files.get(&sha256).ok_or_else(|| Error::not_found("The release has no such file"))?;
        if offset > size {
            return Err(Error::invalid("offset", format!("is beyond the end of the file, which has {size} bytes")));
        }
        let most = length.min(size - offset);
        if most > 0 {
            self.pace.turn(pk, most as usize).await?;
        }
        let data = self.parts.read(&sha256, offset, most).await?;
        metrics::counter!("homepot_artifact_bytes_sent_total").increment(data.len() as u64);
        let next_after_ms = self.pace.next_after(pk).as_millis().try_into().unwrap_or(u32::MAX);
        Ok(pb::FetchArtifactResponse { data, next_after_ms })
    }
}
