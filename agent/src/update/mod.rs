//! Over-the-air updates: puts the files of signed releases in place, so that after every power cut all targets of a release are old or
//! all are new, and what does not prove itself is undone.
//!
//! [`Updater`] is a state machine over a [`Disk`] and a [`Runner`]. It is driven by [`Event`]s and the time since the boot, answers
//! with [`Action`]s, and blocks while it reads, writes and runs programs: give it a thread of its own. Nothing here talks to a server.
//!
//! ```text
//! Offer → accepted → downloading → (staged, validators) → waiting → applying → probation → confirmed
//!            └ rejected   └ failed                            └ cancelled   └──────┴ rolled back
//! ```
//!
//! docs/design/ota.md explains the order of writes and what happens at each power cut.

mod apply;
mod disk;
mod download;
mod drift;
mod engine;
mod future;
mod journal;
pub mod own;
mod proof;
mod report;
mod runner;
mod stage;
mod store;
mod targets;
mod tidy;

#[cfg(test)]
mod tests;

pub use disk::{Attributes, Dir, Disk, RealDisk, Stat, split};
pub use engine::Updater;
pub use report::{Action, Event, Offer, Report, SinceBoot, State, TargetReport};
pub use runner::{Programs, Runner};
pub use targets::{Target, Targets, Timing};
