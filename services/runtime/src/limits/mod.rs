//! Limits of what one caller may use of the server, so that it takes nothing from others.
//!
//! [`LimitLayer`] stands behind the auth layer, once around all services. By the contract's table of costs it counts what
//! a call carries towards the caller's write [`Quotas`], and holds [`Shares`] of what calls under way take: memory for
//! answers, places for watches, turns for reports. Everything is counted in this process' memory, by caller; a replica
//! knows nothing of what another one counted.

mod body;
mod layer;
mod quota;
mod shares;

pub use self::{
    body::hold,
    layer::{LimitLayer, LimitService, LimitSettings, Limits},
    quota::{Quota, Quotas, Rate},
    shares::{Share, Shares},
};
