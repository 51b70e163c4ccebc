//! Notes that are kept as long as the process runs.

use std::{collections::BTreeMap, sync::Arc};

use futures_util::{StreamExt as _, stream};
use homepot::Error;
use homepot_operator_api::{Answers, operator_service};
use homepot_runtime::auth::OperatorCaller;
use tokio::sync::Mutex;

use crate::pb::example::v1::{self as pb, example_service_server::ExampleService};

/// The notes, by what they are found by.
#[derive(Clone, Default)]
pub(crate) struct Notes(Arc<Mutex<BTreeMap<String, String>>>);

impl Notes {
    async fn put_note(&self, _: &OperatorCaller, request: pb::PutNoteRequest) -> Result<pb::PutNoteResponse, Error> {
        let mut notes = self.0.lock().await;
        notes.insert(request.note_id, request.text);
        Ok(pb::PutNoteResponse { notes: u32::try_from(notes.len()).unwrap_or(u32::MAX) })
    }

    async fn list_notes(
        &self,
        _: &OperatorCaller,
        request: pb::ListNotesRequest,
    ) -> Result<Answers<pb::ListNotesResponse>, Error> {
        let notes = self.0.lock().await;
        let found = notes.iter().filter(|(note_id, _)| note_id.starts_with(&request.prefix));
        let found =
            found.map(|(note_id, text)| Ok(pb::ListNotesResponse { note_id: note_id.clone(), text: text.clone() }));
        Ok(stream::iter(found.collect::<Vec<_>>()).boxed())
    }
}

operator_service! {
    impl ExampleService for Notes, with messages of pb;
    unary {
        put_note(PutNoteRequest) -> PutNoteResponse;
    }
    streams {
        list_notes(ListNotesRequest) -> ListNotesResponse as ListNotesStream;
    }
}
