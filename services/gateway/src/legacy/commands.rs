//! Commands to devices, and their outcomes.

use std::{convert::Infallible, time::Duration};

use axum::{
    Json,
    extract::{FromRequestParts, State},
    response::Response,
};
use homepot::{
    Error,
    model::{NewCommand, Outcome, to_proto_duration, to_struct},
    pb::{command::v1 as pb, device::v1 as device_pb},
};
use http::{Extensions, StatusCode, request::Parts};

use super::{
    Fields,
    fields::ANY_OBJECT,
    registry::no_device,
    views::{self, View, broken},
};
use crate::{
    App,
    backend::{call, promised},
    body::{Shape, Valid},
    caller::{Device, Ids, Operator},
    error::{ApiError, Fault},
    lists, query,
};

impl Shape for pb::QueueRequest {
    fn read(fields: &mut Fields) -> Self {
        let span = |seconds: f64| Duration::try_from_secs_f64(seconds).map(to_proto_duration).ok();
        Self {
            command_type: fields.required_text("command_type", 64),
            payload: fields.object("payload", ANY_OBJECT).as_ref().map(to_struct),
            idempotency_key: fields.string("idempotency_key", 128),
            time_to_live: fields.number("ttl_seconds", 1.0..=2_592_000.0).and_then(span),
            ..Default::default()
        }
    }

    fn judge(&self) -> Result<(), Error> {
        // The device is judged by the service: its id stands in the path.
        NewCommand::try_from(Self { device_id: "device".to_owned(), ..self.clone() }).map(drop)
    }
}

/// How a command stands, as its device tells it: an outcome without its id, or nothing when it merely arrived.
pub(super) struct CommandReport(Option<device_pb::CommandOutcome>);

impl Shape for CommandReport {
    fn read(fields: &mut Fields) -> Self {
        let status = fields.required_word("status", &["sent", "completed", "failed", "expired"]);
        let result = fields.object("result", ANY_OBJECT).as_ref().map(to_struct);
        let state = match status {
            Some("completed") => pb::CommandState::Succeeded,
            Some("failed") => pb::CommandState::Failed,
            Some("expired") => pb::CommandState::Expired,
            _ => return Self(None),
        };
        Self(Some(device_pb::CommandOutcome { state: state.into(), result, ..Default::default() }))
    }

    fn judge(&self) -> Result<(), Error> {
        // The command is judged by the service: its id stands in the path.
        let command_id = uuid::Uuid::nil().to_string();
        let outcome = self.0.clone().map(|outcome| device_pb::CommandOutcome { command_id, ..outcome });
        outcome.map_or(Ok(()), |outcome| Outcome::try_from(outcome).map(drop))
    }
}

fn no_command(error: ApiError) -> ApiError {
    error.or_if_at("command_id", StatusCode::NOT_FOUND, "Command not found")
}

fn shown(command: Option<pb::Command>) -> Result<Json<View>, ApiError> {
    views::command(promised(command)?).map(Json).map_err(|error| broken(&error))
}

/// The header `Idempotency-Key`. One that can't be read is a fault: without its key a repeat would queue the command twice.
pub(super) struct IdempotencyKey(Option<String>);

impl IdempotencyKey {
    const HEADER: &str = "idempotency-key";
}

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(query::header(parts, Self::HEADER)))
    }
}

/// Queues a command for a device. A new one is answered as one that waits, also where it was handed over at once.
pub(super) async fn queue(
    State(app): State<App>,
    Operator(caller): Operator,
    Ids(device_id): Ids<String>,
    IdempotencyKey(key): IdempotencyKey,
    Valid(command): Valid<pb::QueueRequest>,
) -> Result<(StatusCode, Json<View>), ApiError> {
    let mut message = pb::QueueRequest { device_id, ..command };
    let in_header = key.is_some();
    if let Some(key) = key {
        if !message.idempotency_key.is_empty() && message.idempotency_key != key {
            let msg = "Value error, differs from the body's idempotency_key";
            return Err(ApiError::invalid(vec![Fault::of_header(IdempotencyKey::HEADER, "value_error", msg)]));
        }
        message.idempotency_key = key;
    }
    let answer = call(&caller, message, |request| async move { app.services.command().queue(request).await }).await;
    let answer = answer.map_err(|error| match in_header {
        true => error.in_header("idempotency_key", IdempotencyKey::HEADER),
        false => error,
    });
    let pb::QueueResponse { command, existed } = answer.map_err(no_device)?;
    let as_queued = |command| pb::Command { state: pb::CommandState::Queued.into(), sent_at: None, ..command };
    let is_sent = |new: &pb::Command| !existed && new.state() == pb::CommandState::Sent;
    Ok((StatusCode::CREATED, shown(command.map(|new| if is_sent(&new) { as_queued(new) } else { new }))?))
}

/// Hands over the commands that wait for the calling device.
pub(super) async fn pending(State(app): State<App>, Device(caller): Device) -> Result<Json<Vec<View>>, ApiError> {
    let mut services = app.services.device();
    let message = device_pb::FetchCommandsRequest { page_size: 0 };
    let answer = call(&caller, message, |request| async move { services.fetch_commands(request).await }).await?;
    let commands = answer.commands.into_iter().map(views::pending).collect::<Result<_, _>>();
    commands.map(Json).map_err(|error| broken(&error))
}

/// Tells how a command stands. A repeat of the same report is answered the same.
pub(super) async fn report_status(
    State(app): State<App>,
    Device(caller): Device,
    Ids(command_id): Ids<String>,
    Valid(CommandReport(outcome)): Valid<CommandReport>,
) -> Result<Json<View>, ApiError> {
    let mut services = app.services.device();
    let command = match outcome {
        Some(outcome) => {
            let outcome = Some(device_pb::CommandOutcome { command_id, ..outcome });
            let message = device_pb::ReportOutcomeRequest { outcome };
            let answer = call(&caller, message, |request| async move { services.report_outcome(request).await });
            answer.await.map_err(no_command)?.command
        }
        None => {
            let message = device_pb::AcknowledgeCommandRequest { command_id, device_id: String::new() };
            let answer = call(&caller, message, |request| async move { services.acknowledge_command(request).await });
            answer.await.map_err(no_command)?.command
        }
    };
    shown(command)
}

/// Tells that a command has arrived.
pub(super) async fn acknowledge(
    State(app): State<App>,
    Device(caller): Device,
    Ids((device_id, command_id)): Ids<(String, String)>,
    extensions: Extensions,
) -> Result<Json<View>, ApiError> {
    query::check(&extensions)?;
    let mut services = app.services.device();
    let message = device_pb::AcknowledgeCommandRequest { command_id, device_id };
    let answer = call(&caller, message, |request| async move { services.acknowledge_command(request).await }).await;
    shown(answer.map_err(super::agent::mismatch).map_err(no_command)?.command)
}

/// Lists a device's commands, newest first.
pub(super) async fn history(
    State(app): State<App>,
    Operator(caller): Operator,
    Ids(device_id): Ids<String>,
) -> Result<Response, ApiError> {
    let answer = lists::answer("[", "]", views::command, move |page_size, page_token| {
        let (mut ledger, caller) = (app.services.command(), caller.clone());
        let message = pb::ListRequest { device_id: device_id.clone(), page_size, page_token, ..Default::default() };
        Box::pin(async move {
            let page = call(&caller, message, |request| async move { ledger.list(request).await }).await?;
            Ok((page.commands, page.next_page_token))
        })
    });
    answer.await.map_err(no_device)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(object: serde_json::Value) -> Fields {
        Fields::new(object.as_object().unwrap().clone())
    }

    #[test]
    fn a_report_of_arrival_is_no_outcome_and_the_others_are() {
        for (status, state) in [
            ("sent", None),
            ("completed", Some(pb::CommandState::Succeeded)),
            ("failed", Some(pb::CommandState::Failed)),
            ("expired", Some(pb::CommandState::Expired)),
        ] {
            let CommandReport(outcome) = CommandReport::read(&mut fields(serde_json::json!({ "status": status })));
            assert_eq!(outcome.map(|outcome| outcome.state()), state, "{status}");
        }
    }

    #[test]
    fn a_command_with_nothing_but_its_type_is_good_and_its_case_does_not_matter() {
        let mut fields = fields(serde_json::json!({"command_type": "ping", "payload": null, "priority": 9}));
        let command = pb::QueueRequest::read(&mut fields);
        assert_eq!(command.judge(), Ok(()));
        assert!(fields.finish((), Ok(())).is_ok());
    }
}
