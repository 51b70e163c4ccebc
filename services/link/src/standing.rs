//! Checks whether the sessions of this process are still valid: once a second, and at once when it shuts a device out.
//!
//! A revocation, the end of a rotated key, a takeover through another replica and a lost hint all show in the store.
//! One query for all sessions finds them. So a stream ends within two seconds after its key, whichever replica ended
//! the key.

use std::time::Duration;

use homepot_registry::NewestSession;
use homepot_runtime::backoff::every;

use crate::{
    Link,
    sessions::{End, Listed},
};

const EVERY: Duration = Duration::from_secs(1);

impl Link {
    pub(crate) fn start_background(&self) {
        let link = self.clone();
        let stop = self.inner.background.clone();
        tokio::spawn(async move { stop.run_until_cancelled(link.watch()).await });
    }

    async fn watch(&self) {
        let mut ticks = every(EVERY);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.inner.registry.someone_shut_out() => {}
            }
            self.inner.presence.flush(&self.inner.registry).await;
            self.check_standing().await;
        }
    }

    async fn check_standing(&self) {
        let held = self.inner.sessions.list();
        if held.is_empty() {
            return;
        }
        let asked = held.iter().map(|session| (session.device, session.key_id.clone())).collect();
        let standing = match self.inner.registry.standing(asked).await {
            Ok(standing) => standing,
            Err(error) => return tracing::warn!(%error, "read the standing of sessions"),
        };
        let mut by_device: std::collections::HashMap<_, _> = standing.into_iter().map(|s| (s.pk, s)).collect();
        for Listed { device, epoch, credential_version, .. } in held {
            match judge(by_device.remove(&device).as_ref(), epoch, credential_version) {
                Judgement::End(end) => self.inner.sessions.close(device, epoch, end),
                Judgement::Wake => self.inner.commands.hints().wake(device),
                Judgement::Stands => {}
            }
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Judgement {
    Stands,
    Wake,
    End(End),
}

fn judge(standing: Option<&NewestSession>, epoch: i64, credential_version: i32) -> Judgement {
    match standing {
        None => Judgement::End(End::Revoked),
        Some(s) if !s.active || !s.key_is_good || s.credential_version != credential_version => {
            Judgement::End(End::Revoked)
        }
        Some(s) if s.epoch > epoch => Judgement::End(End::Superseded),
        Some(s) if s.waiting => Judgement::Wake,
        Some(_) => Judgement::Stands,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_ends_when_its_device_is_gone_shut_out_rekeyed_or_elsewhere() {
        let good = NewestSession {
            pk: 1,
            epoch: 5,
            active: true,
            key_is_good: true,
            credential_version: 2,
            waiting: false,
            contested: false,
        };
        let judged = |standing: NewestSession| judge(Some(&standing), 5, 2);
        assert_eq!(judged(good), Judgement::Stands);
        assert_eq!(judged(NewestSession { waiting: true, ..good }), Judgement::Wake);
        assert_eq!(judged(NewestSession { epoch: 6, ..good }), Judgement::End(End::Superseded));
        assert_eq!(judged(NewestSession { active: false, ..good }), Judgement::End(End::Revoked));
        assert_eq!(judged(NewestSession { key_is_good: false, waiting: true, ..good }), Judgement::End(End::Revoked));
        assert_eq!(judged(NewestSession { credential_version: 3, ..good }), Judgement::End(End::Revoked));
        assert_eq!(judge(None, 5, 2), Judgement::End(End::Revoked));
    }
}
