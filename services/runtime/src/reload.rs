//! Files that may be replaced while the process runs.
//!
//! What renews certificates and passwords writes new files, or turns a link to others, as Kubernetes does with Secrets. So the
//! contents are compared, and not the times of the files. New contents count for new connections; those that are there go on.
//! Contents that can't be used leave the old ones in their place. All files that a setting names are followed here.

use std::{sync::Arc, time::Duration};

use futures_util::future::{BoxFuture, join_all};
use tokio::sync::watch;

use crate::{Drain, backoff::every};

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(10);

/// The files of a setting, which may be replaced, whatever they hold.
pub trait Files: Send + Sync {
    /// The setting that names the first of them, in metrics and log lines.
    fn setting(&self) -> &'static str;

    /// Takes what the files hold now, if it is new and can be used, and tells whether it was new. The error says why it can't
    /// be used, without the secrets in it.
    fn look(&self) -> BoxFuture<'_, Result<bool, String>>;
}

/// Looks at all `files` again and again until `drain`, and at once when `reload` says so. For as long as it runs, new contents
/// count soon after they lie there.
pub async fn keep_current(files: Vec<Arc<dyn Files>>, reload: watch::Receiver<()>, drain: Drain) {
    // Each by itself: one that has to be tried on a network may take seconds.
    let all = join_all(files.into_iter().map(|files| keep(files, reload.clone())));
    tokio::select! {
        () = drain.wait() => {}
        _ = all => {}
    }
}

async fn keep(files: Arc<dyn Files>, mut reload: watch::Receiver<()>) {
    let (setting, mut fault) = (files.setting(), None);
    let mut ticks = every(LOOK);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            asked = reload.changed() => if asked.is_err() { return },
        }
        let found = files.look().await;
        metrics::gauge!("homepot_files_unusable", "setting" => setting).set(f64::from(found.is_err()));
        match &found {
            Ok(true) => tracing::info!(setting, "new connections use the new files"),
            Ok(false) => {}
            // Once for each new reason.
            Err(error) if fault.as_ref() == Some(error) => {}
            Err(error) => {
                tracing::warn!(setting, %error, "the new files can't be used; the old ones stay in their place");
            }
        }
        let told = std::mem::replace(&mut fault, found.err());
        if told.is_some() && fault.is_none() {
            tracing::info!(setting, "the files can be used again");
        }
    }
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;
    use tokio::sync::mpsc;

    use super::*;

    /// Answers each look with what it is told, and says that it was looked at.
    struct Played {
        answers: Mutex<Vec<Result<bool, String>>>,
        looked: mpsc::UnboundedSender<()>,
    }

    impl Files for Played {
        fn setting(&self) -> &'static str {
            "tls-cert"
        }

        fn look(&self) -> BoxFuture<'_, Result<bool, String>> {
            let _ = self.looked.send(());
            let answer = self.answers.lock().pop();
            Box::pin(async move {
                match answer {
                    Some(answer) => answer,
                    // A look that never ends.
                    None => std::future::pending().await,
                }
            })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn files_are_looked_at_now_and_then_and_when_asked_and_one_that_takes_long_holds_up_no_other() {
        let (looked, mut looks) = mpsc::unbounded_channel();
        let played = Played { answers: Mutex::new(vec![Ok(false), Err("torn".to_owned()), Ok(true)]), looked };
        let (slow, _slow_looks) = mpsc::unbounded_channel();
        let slow = Played { answers: Mutex::default(), looked: slow };
        let (reload, drain) = (watch::Sender::new(()), Drain::new());
        let files: Vec<Arc<dyn Files>> = vec![Arc::new(slow), Arc::new(played)];
        let kept = tokio::spawn(keep_current(files, reload.subscribe(), drain.clone()));
        let began = tokio::time::Instant::now();
        looks.recv().await.unwrap();
        looks.recv().await.unwrap();
        assert_eq!(began.elapsed(), LOOK);
        reload.send_replace(());
        looks.recv().await.unwrap();
        assert_eq!(began.elapsed(), LOOK);
        drain.start();
        kept.await.unwrap();
    }
}
