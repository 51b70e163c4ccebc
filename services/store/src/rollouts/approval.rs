//! The approval of a second person, where a site asks for it.

use std::collections::BTreeSet;

use diesel::prelude::*;
use homepot::model::{Rollout, RolloutId, RolloutState};

use super::{
    drive::{lock, set_state},
    read::found,
};
use crate::{
    StoreError, row,
    schema::{rollouts, site_update_policies as policies},
};

/// What came of an approval.
#[derive(Clone, Debug, PartialEq)]
pub enum Approved {
    /// It runs, or ran already.
    Yes(Box<Rollout>),
    /// The same operator started it.
    BySamePerson,
    /// It waits for no approval: it was aborted, or never needed one.
    NotAwaited,
}

/// Those of the sites that ask for an approval.
pub(super) fn sites_that_ask(conn: &mut PgConnection, site_ids: &BTreeSet<&str>) -> Result<Vec<String>, StoreError> {
    Ok(policies::table
        .filter(policies::needs_approval)
        .filter(policies::site_id.eq_any(site_ids))
        .order(policies::site_id)
        .select(policies::site_id)
        .load(conn)?)
}

/// Approves a rollout in the name of `approved_by`.
pub fn approve(conn: &mut PgConnection, id: RolloutId, approved_by: &str) -> Result<Approved, StoreError> {
    conn.transaction(|conn| {
        let rollout = lock(conn, id)?;
        if rollout.state != RolloutState::AwaitingApproval {
            let was_given = rollout.approval.given.is_some();
            return Ok(if was_given { Approved::Yes(Box::new(rollout)) } else { Approved::NotAwaited });
        }
        if rollout.created_by == approved_by {
            return Ok(Approved::BySamePerson);
        }
        diesel::update(rollouts::table.find(id.0))
            .set((rollouts::approved_by.eq(approved_by), rollouts::approved_at.eq(row::database_time().nullable())))
            .execute(conn)?;
        set_state(conn, id, RolloutState::Running, None)?;
        Ok(Approved::Yes(Box::new(found(conn, id)?)))
    })
}
