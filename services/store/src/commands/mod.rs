//! The command ledger. A row's state changes here and nowhere else, under a lock, by the rules of
//! [`homepot::model::Standing`]; each change is kept in the row's history with its time and cause.
//!
//! What comes often — queueing, handing over, a device's words — is done for many commands in one transaction.

mod attach;
mod by_index;
mod change;
mod changed;
mod claim;
mod file;
mod insert;
mod read;
mod sweep;

pub(crate) use self::by_index::by_index;
pub use self::{
    attach::{give_up_lost, told_by_journal},
    change::{Changed, Speaker, Word, change, change_all},
    changed::{ChangedFilter, changed_of, changed_since},
    claim::{CLAIM_LIMIT, Claim, Handed, claim, claim_by_poller},
    file::{FILED_TOGETHER, STAYS, file},
    insert::{Inserted, NewRow, insert},
    read::{RecentFilter, find, list, recent},
    sweep::{Swept, sweep},
};
