//! What may happen, and how often it does.

use proptest::{prelude::*, sample::Index};

use crate::MACHINES;

/// One thing that happens to the machines, the messages or the ledger.
#[derive(Clone, Debug)]
pub(crate) enum Happening {
    /// An operator queues a command, safe to repeat or not.
    Queue { safe: bool },
    /// An operator wants one back.
    Cancel(Index),
    /// A machine attaches, whoever else is attached.
    Attach(usize),
    /// The session of a machine looks for what waits; a lost hint is one that does not come.
    Hint(usize),
    /// One of the messages under way arrives. `doubled`: and will do so again.
    Arrive { message: Index, doubled: bool },
    /// One of the messages under way is lost.
    Lose(Index),
    /// A machine gets to what waits.
    Work(usize),
    /// What runs on a machine ends.
    Finish(usize),
    /// A machine's process ends and starts again; with `boots`, the machine's.
    Crash { machine: usize, boots: bool },
    /// A machine gets a new disk.
    Replace(usize),
    /// Someone keeps a copy of a machine's journal.
    BackUp(usize),
    /// A machine's process ends, and its journal is put back as it was copied: without its mark, or both as new files.
    Restore { machine: usize, whole: bool },
}

pub(crate) fn happening() -> impl Strategy<Value = Happening> {
    let machine = || 0..MACHINES;
    prop_oneof![
        3 => any::<bool>().prop_map(|safe| Happening::Queue { safe }),
        2 => any::<Index>().prop_map(Happening::Cancel),
        2 => machine().prop_map(Happening::Attach),
        5 => machine().prop_map(Happening::Hint),
        12 => (any::<Index>(), prop::bool::weighted(0.2))
            .prop_map(|(message, doubled)| Happening::Arrive { message, doubled }),
        1 => any::<Index>().prop_map(Happening::Lose),
        5 => machine().prop_map(Happening::Work),
        3 => machine().prop_map(Happening::Finish),
        1 => (machine(), any::<bool>()).prop_map(|(machine, boots)| Happening::Crash { machine, boots }),
        1 => machine().prop_map(Happening::Replace),
        2 => machine().prop_map(Happening::BackUp),
        2 => (machine(), any::<bool>()).prop_map(|(machine, whole)| Happening::Restore { machine, whole }),
    ]
}
