//! Following commands, and the run they belong to, as they change.

use axum::{extract::State, response::sse::Event};
use homepot::{model::RunState, pb::command::v1 as pb};
use http::HeaderMap;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    App,
    backend::open,
    caller::Operator,
    error::{ApiError, ErrorBody},
    events::{self, Events},
    params::Params,
    views::{self, CommandView},
};

/// The data of an event `commands`.
#[derive(Serialize, ToSchema)]
pub(crate) struct LedgerView {
    /// Each as it is now, with its history.
    commands: Vec<CommandView>,
    /// The run that is watched, when its progress changed.
    run: Option<RunView>,
}

/// How far a run is.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunView {
    #[schema(example = "01890a5d-ac96-774b-bcce-b302099a8057")]
    run_id: String,
    #[schema(example = "PING")]
    command_type: String,
    /// `running`, `paused`, `halted`, `completed` or `cancelled`.
    #[schema(example = "running")]
    state: &'static str,
    reason: Option<String>,
    /// Devices in all, and below how many of them stand where.
    total: u32,
    /// Their turn has not come.
    waiting: u32,
    in_flight: u32,
    succeeded: u32,
    failed: u32,
    cancelled: u32,
    /// Left out.
    skipped: u32,
    created_by: String,
    created_at: Option<String>,
    finished_at: Option<String>,
}

impl TryFrom<pb::Run> for RunView {
    type Error = ApiError;

    fn try_from(run: pb::Run) -> Result<Self, ApiError> {
        let broken = |_| ApiError::internal();
        let state = RunState::from_proto("state", run.state).map_err(broken)?.map_or("unknown", RunState::as_str);
        let progress = run.progress.unwrap_or_default();
        Ok(Self {
            run_id: run.run_id,
            command_type: run.command_type,
            state,
            reason: Some(run.reason).filter(|reason| !reason.is_empty()),
            total: progress.total,
            waiting: progress.waiting,
            in_flight: progress.in_flight,
            succeeded: progress.succeeded,
            failed: progress.failed,
            cancelled: progress.cancelled,
            skipped: progress.skipped,
            created_by: run.created_by,
            created_at: views::time(run.created_at.as_ref()).map_err(broken)?,
            finished_at: views::time(run.finished_at.as_ref()).map_err(broken)?,
        })
    }
}

/// Tells commands as they change
///
/// Server-sent events. An event `commands` holds `{"commands": […], "run": …}`. Commands that are named, and those of a run,
/// are told as they are first; all others as they change from now on. An event's `id` says how far one has seen: who comes
/// back with it, as `Last-Event-ID` or as `cursor`, is told what changed since, and nothing is left out; a change may come
/// twice. While nothing changes an `id` comes alone from time to time. An event `error` holds what any error holds, and is
/// the last. Who reads slowly gets a command's newest state, with its whole history.
#[utoipa::path(
    get, path = "/commands/watch", tag = "commands",
    params(
        ("command_id" = Option<Vec<String>>, Query, description = "Only this command; up to 1,000 times"),
        ("device_id" = Option<Vec<String>>, Query, description = "Only commands of this device; up to 1,000 times"),
        ("site_id" = Option<String>, Query, description = "Only commands of this site"),
        ("source" = Option<String>, Query, description = "Only commands of `real` or of `simulated` devices; \
            both unless told"),
        ("run_id" = Option<String>, Query, description = "Only commands of this run; then the run is told too"),
        ("cursor" = Option<String>, Query, description = "Goes on after the event with this `id`"),
        ("Last-Event-ID" = Option<String>, Header, description = "The same, as browsers send it; it wins over `cursor`"),
    ),
    responses(
        (status = 200, description = "Events, until either side ends it", content((LedgerView = "text/event-stream"))),
        (status = 404, description = "There is no such device, command or run, or none the caller may see",
            body = ErrorBody),
    )
)]
pub(crate) async fn watch(
    State(app): State<App>,
    Operator(caller): Operator,
    headers: HeaderMap,
    mut params: Params,
) -> Result<Events, ApiError> {
    let message = pb::WatchRequest {
        command_ids: params.all("command_id"),
        device_ids: params.all("device_id"),
        site_id: params.text("site_id"),
        run_id: params.text("run_id"),
        cursor: events::cursor(&headers, &mut params),
        source: params.source(),
    };
    let message = params.finish(message)?;
    let mut ledger = app.services.command();
    let answer = open(&caller, message, |request| async move { ledger.watch(request).await }).await;
    let messages = answer.map_err(ApiError::in_query)?;
    let told = |message: pb::WatchResponse| {
        let has_news = !message.commands.is_empty() || message.run.is_some();
        let event = if has_news { event(message.commands, message.run)? } else { Event::default() };
        Ok(events::with_id(event, message.cursor))
    };
    Ok(events::answer(caller, messages, told, None))
}

fn event(commands: Vec<pb::Command>, run: Option<pb::Run>) -> Result<Event, ApiError> {
    let commands = commands.into_iter().map(CommandView::try_from).collect::<Result<_, _>>()?;
    let run = run.map(RunView::try_from).transpose()?;
    events::event("commands", LedgerView { commands, run })
}
