//! Sessions of operators at the web page.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{OperatorName, Weigh, to_proto_timestamp};
use crate::pb::session::v1 as pb;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// A session without a call for this long has ended.
pub const SESSION_IDLE: Duration = Duration::from_secs(12 * HOUR);
/// However much it is used, a session ends this long after it was made.
pub const SESSION_ABSOLUTE: Duration = Duration::from_secs(7 * 24 * HOUR);
/// What reaches the whole fleet needs a sign-in no older than this.
pub const SIGN_IN_FRESH: Duration = Duration::from_secs(15 * MINUTE);
/// A code that signs an operator in is good for this long.
pub const SIGN_IN_CODE_LIFE: Duration = Duration::from_secs(10 * MINUTE);

/// A session, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorSession {
    /// The public letters of its secret.
    pub session_id: String,
    /// Its operator.
    pub operator: OperatorName,
    /// When its operator signed in.
    pub created_at: DateTime<Utc>,
    /// When its operator showed who it is: at an identity provider that knew it already, that was before.
    pub authenticated_at: DateTime<Utc>,
    /// When it was last used, to the minute.
    pub used_at: DateTime<Utc>,
    /// When the operator's token ends, and the session with it.
    pub token_expires_at: Option<DateTime<Utc>>,
}

impl OperatorSession {
    /// When it ends unless it is used before.
    pub fn idle_expires_at(&self) -> DateTime<Utc> {
        after(self.used_at, SESSION_IDLE).min(self.expires_at())
    }

    /// When it ends however much it is used.
    pub fn expires_at(&self) -> DateTime<Utc> {
        let end = after(self.created_at, SESSION_ABSOLUTE);
        self.token_expires_at.map_or(end, |token| end.min(token))
    }

    /// Until then the sign-in counts as fresh.
    pub fn fresh_until(&self) -> DateTime<Utc> {
        after(self.authenticated_at, SIGN_IN_FRESH)
    }

    /// As the contract has it; `current`: it is the caller's.
    pub fn into_proto(self, current: bool) -> pb::Session {
        pb::Session {
            created_at: Some(to_proto_timestamp(self.created_at)),
            used_at: Some(to_proto_timestamp(self.used_at)),
            idle_expires_at: Some(to_proto_timestamp(self.idle_expires_at())),
            expires_at: Some(to_proto_timestamp(self.expires_at())),
            fresh_until: Some(to_proto_timestamp(self.fresh_until())),
            session_id: self.session_id,
            operator: self.operator.into(),
            current,
        }
    }
}

impl Weigh for OperatorSession {
    fn weight(&self) -> usize {
        self.session_id.len() + self.operator.as_str().len() + 256
    }
}

fn after(time: DateTime<Utc>, span: Duration) -> DateTime<Utc> {
    let span = TimeDelta::from_std(span).unwrap_or(TimeDelta::MAX);
    time.checked_add_signed(span).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_ends_with_what_comes_first() {
        let at = |hours: i64| DateTime::from_timestamp(hours * 3600, 0).unwrap();
        let session = OperatorSession {
            session_id: "hpw_xxxxxxxx".to_owned(),
            operator: OperatorName::parse("ann").unwrap(),
            created_at: at(0),
            authenticated_at: at(0),
            used_at: at(1),
            token_expires_at: None,
        };
        assert_eq!((session.idle_expires_at(), session.expires_at()), (at(13), at(168)));
        let late = OperatorSession { used_at: at(160), ..session.clone() };
        assert_eq!(late.idle_expires_at(), at(168));
        let bound = OperatorSession { token_expires_at: Some(at(2)), ..session };
        assert_eq!((bound.idle_expires_at(), bound.expires_at()), (at(2), at(2)));
    }
}
