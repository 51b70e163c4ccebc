//! What holds for everything that an operator begins on many devices at once: runs and rollouts.

use homepot::{
    Error,
    model::{SiteScope, Target, Whom},
};
use homepot_runtime::auth::OperatorCaller;

/// Whether a target of this caller reaches beyond named devices and one site.
pub fn reaches_far(caller: &OperatorCaller, target: &Target) -> bool {
    let is_of_one_site = matches!(&caller.scope, SiteScope::Only(sites) if sites.len() < 2);
    match &target.whom {
        Whom::Devices(_) | Whom::Matching { site_id: Some(_), .. } => false,
        Whom::Matching { site_id: None, .. } | Whom::Fleet => !is_of_one_site,
    }
}

/// Asks for a fresh sign-in where a target reaches far.
pub fn check_fresh_for(caller: &OperatorCaller, target: &Target) -> Result<(), Error> {
    if reaches_far(caller, target) { caller.check_fresh() } else { Ok(()) }
}

/// Who did something, and why, as a reason for people.
pub fn said(what: &str, caller: &OperatorCaller, why: &str) -> String {
    match why {
        "" => format!("{what} by {}", caller.name),
        why => format!("{what} by {}: {why}", caller.name),
    }
}
