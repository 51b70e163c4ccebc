//! Samples of many callers in one list, and which of them are whose.

use std::{ops::Range, sync::Arc};

use homepot::{Error, model::SampleFault};
use homepot_store::samples::NewSample;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::{Outcome, Submission};

/// A caller that waits.
struct Waiting {
    /// Its samples.
    places: Range<usize>,
    answer: oneshot::Sender<Outcome>,
    _share: OwnedSemaphorePermit,
}

/// A batch that is still growing.
pub(super) struct Batch {
    samples: Vec<NewSample>,
    callers: Callers,
}

/// Everybody whose samples are in a batch.
pub(super) struct Callers(Vec<Waiting>);

impl Batch {
    pub(super) fn of(first: Submission) -> Self {
        let mut batch = Self { samples: Vec::with_capacity(first.samples.len()), callers: Callers(Vec::new()) };
        batch.push(first);
        batch
    }

    /// Moves the samples in; they are never copied on their way to the store.
    pub(super) fn push(&mut self, submission: Submission) {
        let Submission { device, samples, answer, share } = submission;
        let start = self.samples.len();
        self.samples.extend(samples.into_iter().map(|sample| NewSample { device, sample }));
        self.callers.0.push(Waiting { places: start..self.samples.len(), answer, _share: share });
    }

    pub(super) fn len(&self) -> usize {
        self.samples.len()
    }

    /// Ends it: samples that several attempts can share, and who waits for them.
    pub(super) fn close(self) -> (Arc<Vec<NewSample>>, Callers) {
        (Arc::new(self.samples), self.callers)
    }
}

impl Callers {
    /// Tells everybody that its samples are dealt with, and which of its own were refused. A caller of which a sample is
    /// `stuck` is told an error instead: it keeps its samples. Both are in order.
    pub(super) fn settle(self, refused: &[(usize, SampleFault)], stuck: &[usize]) {
        for waiting in self.0 {
            let is_own = |place: usize| waiting.places.contains(&place);
            let outcome = if stuck.iter().any(|place| is_own(*place)) {
                Err(Error::internal())
            } else {
                let own = refused.iter().filter(|(place, _)| is_own(*place));
                Ok(own.map(|(place, fault)| (place - waiting.places.start, fault.clone())).collect())
            };
            // Who left meanwhile asks again.
            let _ = waiting.answer.send(outcome);
        }
    }

    /// Tells everybody that nothing is known.
    pub(super) fn fail(self, error: &Error) {
        for waiting in self.0 {
            let _ = waiting.answer.send(Err(error.clone()));
        }
    }
}
