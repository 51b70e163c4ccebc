//! How a session's end is put into words: for the device in its Goodbye, and for the device's history.

use std::{sync::Arc, time::Duration};

use homepot::{model::to_proto_duration, pb::device::v1 as pb};

use crate::{Link, sessions::End};

/// Whether machines take the device's session from one another; where nobody can tell, they do not.
pub(crate) async fn is_contested(link: &Link, device: i64, key_id: Arc<str>) -> bool {
    let standing = link.inner.registry.standing(vec![(device, key_id)]).await.unwrap_or_default();
    standing.first().is_some_and(|standing| standing.contested)
}

pub(crate) fn reason(end: &End) -> pb::GoodbyeReason {
    match end {
        End::Superseded => pb::GoodbyeReason::Superseded,
        End::Revoked => pb::GoodbyeReason::Revoked,
        End::Draining => pb::GoodbyeReason::Draining,
        End::Aged => pb::GoodbyeReason::Aged,
        End::Silent => pb::GoodbyeReason::Silent,
        End::Protocol(_) => pb::GoodbyeReason::Protocol,
        End::Internal => pb::GoodbyeReason::Internal,
        End::PeerGone => pb::GoodbyeReason::Unspecified,
    }
}

/// For the device's history.
pub(crate) fn history(end: &End) -> String {
    match end {
        End::PeerGone => "its stream ended".to_owned(),
        End::Silent => in_words(end).to_owned(),
        end => format!("its stream was ended: {}", in_words(end)),
    }
}

fn in_words(end: &End) -> &str {
    match end {
        End::Superseded => "a newer session of this device took over",
        End::Revoked => "its key has ended or the device was deactivated",
        End::Draining => "the server leaves; come back",
        End::Aged => "the session grew old; come back",
        End::Silent => "nothing was heard for 2.5 heartbeat intervals",
        End::Protocol(how) => how,
        End::Internal => "the server could not go on; come back",
        End::PeerGone => "",
    }
}

pub(crate) fn goodbye(end: &End, contested: bool, reconnect_after: Duration) -> pb::Goodbye {
    let detail = match contested {
        true => "another machine uses this device's key and takes its session: the key should be rotated",
        false => in_words(end),
    };
    let comes_back = matches!(end, End::Draining | End::Internal);
    pb::Goodbye {
        reason: reason(end).into(),
        detail: detail.to_owned(),
        reconnect_after: comes_back.then(|| to_proto_duration(reconnect_after)),
    }
}
