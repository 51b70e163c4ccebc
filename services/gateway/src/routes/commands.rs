//! What devices are told to do, and what came of it.

use std::{convert::Infallible, time::Duration};

use axum::{
    Json,
    extract::{FromRequestParts, State},
    response::Response,
};
use homepot::{
    Error,
    model::{JsonBounds, JsonObject, NewCommand, Outcome, to_proto_duration, to_struct},
    pb::{command::v1 as pb, device::v1 as device_pb},
};
use http::{StatusCode, request::Parts};
use utoipa::ToSchema;

use crate::{
    App,
    backend::{call, promised},
    body::{MAX_BODY_BYTES, Shape, Valid},
    caller::{Device, Ids, Operator},
    error::{ApiError, ErrorBody, Fault},
    headers, lists, query,
    validate::Fields,
    views::{CommandView, PendingView},
};

/// Only what could not be sent on; the model has the real bounds.
const OBJECT: JsonBounds = JsonBounds { bytes: MAX_BODY_BYTES, keys: usize::MAX, depth: 64 };

/// A command to queue.
#[derive(ToSchema)]
#[schema(example = json!({"command_type": "PING", "payload": null}))]
pub(crate) struct QueueCommand {
    /// PING, RUN_DIAGNOSTICS, SET_INTERVAL, RESTART_APP, REBOOT, or a type the device declares; case does not matter.
    #[schema(min_length = 1, max_length = 64)]
    command_type: String,
    /// Arguments: at most 64 KiB.
    #[schema(value_type = Option<Object>)]
    payload: Option<JsonObject>,
    /// Makes a repeat of this request harmless; also as the header `Idempotency-Key`.
    #[schema(max_length = 128)]
    idempotency_key: Option<String>,
    /// The command never starts later than this: 1 s to 30 days. Default: a day.
    #[schema(minimum = 1, maximum = 2_592_000)]
    ttl_seconds: Option<f64>,
}

impl QueueCommand {
    fn request(&self, device_id: &str) -> pb::QueueRequest {
        let span = |seconds: f64| Duration::try_from_secs_f64(seconds).map(to_proto_duration).ok();
        pb::QueueRequest {
            device_id: device_id.to_owned(),
            command_type: self.command_type.clone(),
            payload: self.payload.as_ref().map(to_struct),
            idempotency_key: self.idempotency_key.clone().unwrap_or_default(),
            time_to_live: self.ttl_seconds.and_then(span),
            run_timeout: None,
        }
    }
}

impl Shape for QueueCommand {
    fn read(fields: &mut Fields) -> Self {
        Self {
            command_type: fields.required_text("command_type", 64),
            payload: fields.object("payload", OBJECT),
            idempotency_key: fields.text("idempotency_key", 128),
            ttl_seconds: fields.number("ttl_seconds", 1.0..=2_592_000.0),
        }
    }

    fn judge(&self) -> Result<(), Error> {
        // The device is judged by the service: its id stands in the path.
        NewCommand::try_from(self.request("device")).map(drop)
    }
}

/// How a command stands, as its device tells it.
#[derive(ToSchema)]
#[schema(example = json!({"status": "completed", "result": {"output": "pong"}}))]
pub(crate) struct CommandReport {
    /// `sent` (received), `completed`, `failed` or `expired`.
    #[schema(value_type = String)]
    status: Option<&'static str>,
    /// What came of it: at most 64 KiB.
    #[schema(value_type = Option<Object>)]
    result: Option<JsonObject>,
}

impl CommandReport {
    /// The outcome of a command; `None` when it merely arrived.
    fn outcome(&self, command_id: &str) -> Option<device_pb::CommandOutcome> {
        let state = match self.status? {
            "completed" => pb::CommandState::Succeeded,
            "failed" => pb::CommandState::Failed,
            "expired" => pb::CommandState::Expired,
            _ => return None,
        };
        Some(device_pb::CommandOutcome {
            command_id: command_id.to_owned(),
            state: state.into(),
            result: self.result.as_ref().map(to_struct),
            reason: String::new(),
        })
    }
}

impl Shape for CommandReport {
    fn read(fields: &mut Fields) -> Self {
        Self {
            status: fields.required_word("status", &["sent", "completed", "failed", "expired"]),
            result: fields.object("result", OBJECT),
        }
    }

    fn judge(&self) -> Result<(), Error> {
        // The command is judged by the service: its id stands in the path.
        let outcome = self.outcome(&uuid::Uuid::nil().to_string());
        outcome.map_or(Ok(()), |outcome| Outcome::try_from(outcome).map(drop))
    }
}

/// Why a command is to be taken back.
#[derive(ToSchema)]
#[schema(example = json!({"reason": "wrong till"}))]
pub(crate) struct CancelCommand {
    /// For the ledger.
    #[schema(max_length = 500)]
    reason: Option<String>,
    /// How long to wait for a device that has to be asked: 0 to 60. Default: 5.
    #[schema(minimum = 0, maximum = 60)]
    wait_seconds: Option<f64>,
}

impl Shape for CancelCommand {
    fn read(fields: &mut Fields) -> Self {
        Self { reason: fields.text("reason", 500), wait_seconds: fields.number("wait_seconds", 0.0..=60.0) }
    }
}

fn no_device(error: ApiError) -> ApiError {
    error.or_if_at("device_id", StatusCode::NOT_FOUND, "Device not found")
}

fn no_command(error: ApiError) -> ApiError {
    error.or_if_at("command_id", StatusCode::NOT_FOUND, "Command not found")
}

/// The header `Idempotency-Key`. One that can't be read is a fault: without its key a repeat would queue the command twice.
pub(crate) struct IdempotencyKey(Option<String>);

impl IdempotencyKey {
    const HEADER: &str = "idempotency-key";

    /// The key of the header or of the body, with whether it is the header's; two that differ are a fault.
    fn or(self, of_body: Option<String>) -> Result<(Option<String>, bool), ApiError> {
        match (self.0, of_body) {
            (Some(key), Some(other)) if key != other => {
                let msg = "Value error, differs from the body's idempotency_key";
                Err(ApiError::invalid(vec![Fault::of_header(Self::HEADER, "value_error", msg)]))
            }
            (Some(key), _) => Ok((Some(key), true)),
            (None, of_body) => Ok((of_body, false)),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let key = headers::text(&parts.headers, Self::HEADER).unwrap_or_else(|fault| {
            query::add_for_handler(&mut parts.extensions, fault);
            None
        });
        Ok(Self(key))
    }
}

/// Queues a command for a device
#[utoipa::path(
    post, path = "/devices/{device_id}/commands", tag = "commands",
    params(
        ("device_id" = String, Path, description = "The device", example = "pos-terminal-001"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat of this request harmless"),
    ),
    request_body = QueueCommand,
    responses(
        (status = 201, description = "It is in the ledger", body = CommandView),
        (status = 404, description = "There is no such device, or none the caller may see", body = ErrorBody,
            example = json!({"detail": "Device not found", "status_code": 404})),
        (status = 409, description = "The idempotency key stands for another command, or the device can't do this",
            body = ErrorBody),
    )
)]
pub(crate) async fn queue(
    State(app): State<App>,
    Operator(caller): Operator,
    Ids(device_id): Ids<String>,
    key: IdempotencyKey,
    Valid(mut command): Valid<QueueCommand>,
) -> Result<(StatusCode, Json<CommandView>), ApiError> {
    let (key, in_header) = key.or(command.idempotency_key.take())?;
    command.idempotency_key = key;
    let mut ledger = app.services.command();
    let message = command.request(&device_id);
    let answer = call(&caller, message, |request| async move { ledger.queue(request).await }).await;
    let answer = answer.map_err(|error| match in_header {
        true => error.in_header("idempotency_key", IdempotencyKey::HEADER),
        false => error,
    });
    let queued = promised(answer.map_err(no_device)?.command)?;
    Ok((StatusCode::CREATED, Json(queued.try_into()?)))
}

/// Tells how a command stands, and how it came there
#[utoipa::path(
    get, path = "/commands/{command_id}", tag = "commands",
    params(("command_id" = String, Path, description = "The command")),
    responses(
        (status = 200, description = "The command with its history", body = CommandView),
        (status = 404, description = "There is no such command, or none the caller may see", body = ErrorBody,
            example = json!({"detail": "Command not found", "status_code": 404})),
    )
)]
pub(crate) async fn get(
    State(app): State<App>,
    Operator(caller): Operator,
    Ids(command_id): Ids<String>,
) -> Result<Json<CommandView>, ApiError> {
    let mut ledger = app.services.command();
    let message = pb::GetRequest { command_id };
    let answer = call(&caller, message, |request| async move { ledger.get(request).await }).await;
    CommandView::try_from(promised(answer.map_err(no_command)?.command)?).map(Json)
}

/// Takes a command back, if it has not started
///
/// What nobody has yet is cancelled at once. A device that has it on its stream is asked, and the answer waits for it: then
/// `state` is `cancelled`, or `cancel_requested_at` tells since when the device is to be asked.
#[utoipa::path(
    post, path = "/commands/{command_id}/cancel", tag = "commands",
    params(("command_id" = String, Path, description = "The command")),
    request_body = CancelCommand,
    responses(
        (status = 200, description = "The command as it stands now", body = CommandView),
        (status = 404, description = "There is no such command, or none the caller may see", body = ErrorBody,
            example = json!({"detail": "Command not found", "status_code": 404})),
        (status = 409, description = "Too late: it has started or ended, or a device that polls has it",
            body = ErrorBody,
            example = json!({"detail": "too late to cancel: the command has started", "status_code": 409})),
    )
)]
pub(crate) async fn cancel(
    State(app): State<App>,
    Operator(caller): Operator,
    Ids(command_id): Ids<String>,
    Valid(cancel): Valid<CancelCommand>,
) -> Result<Json<CommandView>, ApiError> {
    let mut ledger = app.services.command();
    let wait = cancel.wait_seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).map(to_proto_duration);
    let message = pb::CancelRequest { command_id, reason: cancel.reason.unwrap_or_default(), wait };
    let answer = call(&caller, message, |request| async move { ledger.cancel(request).await }).await;
    CommandView::try_from(promised(answer.map_err(no_command)?.command)?).map(Json)
}

/// Hands over the commands that wait for the calling device
///
/// What is not safe to repeat (REBOOT, RESTART_APP, types the server does not know) is handed over once.
#[utoipa::path(
    get, path = "/devices/pending", tag = "commands",
    responses((status = 200, description = "Oldest first", body = Vec<PendingView>))
)]
pub(crate) async fn pending(
    State(app): State<App>,
    Device(caller): Device,
) -> Result<Json<Vec<PendingView>>, ApiError> {
    let mut services = app.services.device();
    let message = device_pb::FetchCommandsRequest { page_size: 0 };
    let answer = call(&caller, message, |request| async move { services.fetch_commands(request).await }).await?;
    answer.commands.into_iter().map(PendingView::try_from).collect::<Result<_, _>>().map(Json)
}

/// Tells how a command stands
///
/// A repeat of the same report is answered the same.
#[utoipa::path(
    put, path = "/devices/{command_id}/status", tag = "commands",
    params(("command_id" = String, Path, description = "The command")),
    request_body = CommandReport,
    responses(
        (status = 200, description = "The command as it stands now", body = CommandView),
        (status = 404, description = "There is no such command, or it is another device's", body = ErrorBody,
            example = json!({"detail": "Command not found", "status_code": 404})),
        (status = 409, description = "The command ended in another way", body = ErrorBody),
    )
)]
pub(crate) async fn report_status(
    State(app): State<App>,
    Device(caller): Device,
    Ids(command_id): Ids<String>,
    Valid(report): Valid<CommandReport>,
) -> Result<Json<CommandView>, ApiError> {
    let mut services = app.services.device();
    let command = match report.outcome(&command_id) {
        Some(outcome) => {
            let message = device_pb::ReportOutcomeRequest { outcome: Some(outcome) };
            let answer = call(&caller, message, |request| async move { services.report_outcome(request).await });
            answer.await.map_err(no_command)?.command
        }
        None => {
            let message = device_pb::AcknowledgeCommandRequest { command_id, device_id: String::new() };
            let answer = call(&caller, message, |request| async move { services.acknowledge_command(request).await });
            answer.await.map_err(no_command)?.command
        }
    };
    CommandView::try_from(promised(command)?).map(Json)
}

/// Tells how a command stands, as the packaged legacy agent does
///
/// The same as by PUT.
#[utoipa::path(
    post, path = "/devices/{command_id}/status", tag = "commands",
    params(("command_id" = String, Path, description = "The command")),
    request_body = CommandReport,
    responses(
        (status = 200, description = "The command as it stands now", body = CommandView),
        (status = 404, description = "There is no such command, or it is another device's", body = ErrorBody,
            example = json!({"detail": "Command not found", "status_code": 404})),
        (status = 409, description = "The command ended in another way", body = ErrorBody),
    )
)]
pub(crate) async fn post_status(
    app: State<App>,
    device: Device,
    command_id: Ids<String>,
    report: Valid<CommandReport>,
) -> Result<Json<CommandView>, ApiError> {
    report_status(app, device, command_id, report).await
}

/// Tells that a command has arrived
#[utoipa::path(
    post, path = "/devices/{device_id}/commands/{command_id}/ack", tag = "commands",
    params(
        ("device_id" = String, Path, description = "The calling device"),
        ("command_id" = String, Path, description = "The command"),
    ),
    responses(
        (status = 200, description = "The command as it stands now", body = CommandView),
        (status = 403, description = "The device is shut out, or speaks for another", body = ErrorBody,
            example = json!({"detail": "Device ID mismatch", "status_code": 403})),
        (status = 404, description = "There is no such command, or it is another device's", body = ErrorBody,
            example = json!({"detail": "Command not found", "status_code": 404})),
    )
)]
pub(crate) async fn acknowledge(
    State(app): State<App>,
    Device(caller): Device,
    Ids((device_id, command_id)): Ids<(String, String)>,
) -> Result<Json<CommandView>, ApiError> {
    let mut services = app.services.device();
    let message = device_pb::AcknowledgeCommandRequest { command_id, device_id };
    let answer = call(&caller, message, |request| async move { services.acknowledge_command(request).await }).await;
    let mismatch = |error: ApiError| error.or_if_at("device_id", StatusCode::FORBIDDEN, "Device ID mismatch");
    let command = answer.map_err(mismatch).map_err(no_command)?.command;
    CommandView::try_from(promised(command)?).map(Json)
}

/// Lists a device's commands, newest first
#[utoipa::path(
    get, path = "/devices/device/{device_id}/commands", tag = "commands",
    params(("device_id" = String, Path, description = "The device", example = "pos-terminal-001")),
    responses(
        (status = 200, description = "All of them, newest first", body = Vec<CommandView>),
        (status = 404, description = "There is no such device, or none the caller may see", body = ErrorBody,
            example = json!({"detail": "Device not found", "status_code": 404})),
    )
)]
pub(crate) async fn history(
    State(app): State<App>,
    Operator(caller): Operator,
    Ids(device_id): Ids<String>,
) -> Result<Response, ApiError> {
    let answer = lists::answer("[", "]", move |page_size, page_token| {
        let (mut ledger, caller) = (app.services.command(), caller.clone());
        let message = pb::ListRequest { device_id: device_id.clone(), page_size, page_token, ..Default::default() };
        Box::pin(async move {
            let page = call(&caller, message, |request| async move { ledger.list(request).await }).await?;
            let commands = page.commands.into_iter().map(CommandView::try_from).collect::<Result<Vec<_>, _>>()?;
            Ok((commands, page.next_page_token))
        })
    });
    answer.await.map_err(no_device)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(status: &'static str) -> Option<pb::CommandState> {
        let report = CommandReport { status: Some(status), result: None };
        report.outcome("c").map(|outcome| outcome.state())
    }

    #[test]
    fn a_report_of_arrival_is_no_outcome_and_the_others_are() {
        assert_eq!(report("sent"), None);
        assert_eq!(report("completed"), Some(pb::CommandState::Succeeded));
        assert_eq!(report("failed"), Some(pb::CommandState::Failed));
        assert_eq!(report("expired"), Some(pb::CommandState::Expired));
    }

    #[test]
    fn a_command_with_nothing_but_its_type_is_good_and_its_case_does_not_matter() {
        let object = serde_json::json!({"command_type": "ping", "payload": null, "priority": 9});
        let mut fields = Fields::new(object.as_object().unwrap().clone());
        let command = QueueCommand::read(&mut fields);
        assert_eq!(command.judge(), Ok(()));
        assert!(fields.finish((), Ok(())).is_ok());
    }
}
