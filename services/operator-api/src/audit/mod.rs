//! The audit log: a line for each call by which an operator changes something.
//!
//! The line has the target `audit` and tells who called which method on what, what came of it, and the request's id. It is
//! written when the call ends, also when the caller left before. Secrets are no part of it, see [`objects`].

mod objects;
mod shapes;

use homepot::Error;
use homepot_runtime::auth::OperatorCaller;
use prost::Message;

use self::{
    objects::Objects,
    shapes::{Shape, shape},
};

/// The result of a call whose caller left before it was answered.
const ABANDONED: &str = "abandoned";

/// The line of one call, which is written when this is dropped.
pub(crate) struct Record {
    operator: String,
    token_id: String,
    method: &'static str,
    request_id: String,
    shape: &'static Shape,
    objects: Objects,
    result: &'static str,
}

impl Record {
    /// Begins the line of a call; `None` where the method is not audited.
    pub(crate) fn begin(
        method: &'static str,
        caller: &OperatorCaller,
        request_id: &str,
        request: &impl Message,
    ) -> Option<Self> {
        let shape = shape(method)?;
        let mut objects = Objects::default();
        shape.request.read(&request.encode_to_vec(), &mut objects);
        Some(Self {
            operator: caller.name.to_string(),
            token_id: caller.token_id.to_string(),
            method,
            request_id: request_id.to_owned(),
            shape,
            objects,
            result: ABANDONED,
        })
    }

    /// Ends the line with what came of the call. What an answer names replaces what the request named: it is what was done.
    pub(crate) fn end<A: Message>(mut self, answer: &Result<A, Error>) {
        match answer {
            Ok(answer) => {
                let mut answered = Objects::default();
                self.shape.answer.read(&answer.encode_to_vec(), &mut answered);
                self.objects.replace(answered);
                self.result = "ok";
            }
            Err(error) => self.result = error.kind().as_str(),
        }
    }

    /// Ends the line of a call that is answered with a stream.
    pub(crate) fn end_stream(mut self, error: Option<&Error>) {
        self.result = error.map_or("ok", |error| error.kind().as_str());
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let Self { operator, token_id, method, request_id, objects, result, .. } = self;
        tracing::info!(target: "audit", operator, token_id, method, on = %objects, result, request_id, "operator call");
    }
}
