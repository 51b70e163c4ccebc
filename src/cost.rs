//! What a call may cost the server. The contract says it for each method: see [`crate::contract`].

use crate::contract;

/// Which limits a call comes under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// Takes something back or stops something: never limited.
    Control,
    /// Reads or changes one thing; its answer is short.
    Small,
    /// Adds rows or replaces content: what it carries counts towards the caller's write quota.
    Write,
    /// Answers up to a page of 1 MiB: few of them at once for each operator.
    Page,
    /// Sums up many rows: very few at once, for each operator and in all.
    Report,
    /// Streams series for as long as the caller reads: few at once for each operator.
    Series,
    /// Lives for as long as the caller watches. Each operator may have a bounded number.
    Watch,
    /// Sends a part of a file to a device: a bounded number at once, apart from all other calls of devices.
    Transfer,
    /// The stream of a device: what it carries counts towards the device's write quota, and waits for it.
    Session,
}

/// The cost of the method at `path`. What the contract does not have is refused at the door; it counts as a [`Cost::Write`].
pub fn cost(path: &str) -> Cost {
    contract::method(path).map_or(Cost::Write, |method| method.cost)
}
