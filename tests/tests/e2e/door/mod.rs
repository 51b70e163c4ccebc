//! Before the door: what nobody has authenticated costs next to nothing, and keeps nobody out who has.

mod addresses;
pub(crate) mod certificates;
mod client_certificates;
mod connections;
mod deadlines;
mod messages;
