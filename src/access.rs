//! Who may call what, as the auth layer enforces it. The contract says it for each method: see [`crate::contract`].
//!
//! A method that the contract does not have is refused to everybody.

use crate::{contract, model::Role};

/// Who a method is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// The device itself, by its id and key.
    Device,
    /// Whoever holds an enrolment token, or is let in by open enrolment; the method itself checks.
    Enrollee,
    /// An operator of this role or a higher one, within its sites.
    Operator(Role),
    /// An admin that is bound to no site.
    FleetAdmin,
    /// Anybody; no credentials are looked at.
    Anyone,
}

/// The stream a device lives on: the only call a device with a proof key may make, for it proves itself there.
pub const ATTACH: &str = "/homepot.device.v1.DeviceService/Attach";

/// The method with which a device fetches files, by a ticket that came over its stream.
pub const FETCH_ARTIFACT: &str = "/homepot.device.v1.DeviceService/FetchArtifact";

/// The sign-in: the only call that takes a one-time code in place of a credential.
pub const CREATE_SESSION: &str = "/homepot.session.v1.SessionService/CreateSession";

/// Who the method at `path` is for; `None` when no such method is known.
pub fn audience(path: &str) -> Option<Audience> {
    contract::method(path).map(|method| method.audience)
}
