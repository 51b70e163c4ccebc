//! Spans of operations in the traces of those who wait for them. They have names of operations, and no values of statements. What
//! nobody traces makes no span: see `homepot_runtime::trace`, which decides that by the target.

use tracing::{Span, field::Empty};

const TARGET: &str = "trace";

/// An operation on its way to a database thread.
pub(crate) struct Traced {
    /// What log lines of the work tell of: the request that it is for.
    caller: Span,
    operation: Span,
    wait: Span,
}

impl Traced {
    /// Begins to wait for a connection, in the place of whoever asks for the operation.
    pub(crate) fn begin(operation: &'static str, lane: &'static str) -> Self {
        let caller = Span::current();
        let operation = span(operation, lane, false);
        let wait = operation.in_scope(|| tracing::info_span!(target: TARGET, "wait for a connection"));
        Self { caller, operation, wait }
    }

    /// Does the work, which is handed the span of the wait to end it with.
    pub(crate) fn run<T, E>(self, work: impl FnOnce(Span) -> Result<T, E>) -> Result<T, E> {
        let Self { caller, operation, wait } = self;
        let outcome = caller.in_scope(|| operation.in_scope(|| work(wait)));
        if outcome.is_err() {
            operation.record("otel.status_code", "ERROR");
        }
        outcome
    }
}

/// Work on a connection.
pub(crate) fn transaction<T>(work: impl FnOnce() -> T) -> T {
    tracing::info_span!(target: TARGET, "transaction").in_scope(work)
}

/// An item of an operation that several share, with its wait for the others.
pub(crate) fn shared(operation: &'static str) -> Span {
    span(operation, "", true)
}

fn span(operation: &'static str, lane: &'static str, is_shared: bool) -> Span {
    tracing::info_span!(
        target: TARGET,
        "store",
        otel.name = operation,
        otel.kind = "client",
        otel.status_code = Empty,
        db.system.name = "postgresql",
        db.operation.name = operation,
        lane = (!lane.is_empty()).then_some(lane),
        is_shared,
    )
}
