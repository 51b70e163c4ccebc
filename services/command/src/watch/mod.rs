//! `Watch`: sends commands as they change, and their run, to any number of viewers with one query for all of them.

mod run;

use std::collections::BTreeSet;

use futures_util::{FutureExt as _, Stream, StreamExt as _, stream};
use homepot::{
    Error,
    model::{
        Command, CommandId, Cursor, DeviceSelection, DeviceSource, Faults, MAX_PAGE_SIZE, PAGE_BYTES, Page,
        PageRequest, RunId, Weigh,
    },
    pb::command::v1 as pb,
};
use homepot_hints::{Hints, Topic};
use homepot_operator_api::{
    Answers, Named,
    feed::{Change, Feed, LOOK_BYTES, Look, PIECE_BYTES, Piece, View, resume_from},
};
use homepot_runtime::{Drain, auth::OperatorCaller};
use homepot_store::{
    Store,
    commands::{self, ChangedFilter},
    horizon,
};
use tonic::Status;

pub(crate) use self::run::RunLooks;
use self::run::Watched;
use crate::Commands;

/// Commands of a page while a viewer catches up.
const PAGE: u32 = 200;

/// A command as a viewer sees it.
#[derive(Debug)]
pub(crate) struct Seen(Command);

impl Change for Seen {
    type Key = CommandId;
    /// Histories only grow; a cancel that is asked for and a delivery that is repeated change what is between two steps.
    type Version = (usize, bool, i32);

    fn key(&self) -> CommandId {
        self.0.command_id
    }

    fn version(&self) -> Self::Version {
        (self.0.history.len(), self.0.cancel_requested_at.is_some(), self.0.deliveries)
    }

    fn weight(&self) -> usize {
        Weigh::weight(&self.0)
    }
}

/// Commands as they change; nudged by the ledger's hints.
pub(crate) fn feed(store: &Store, hints: &Hints, drain: Drain) -> Feed<Seen> {
    let looking = store.clone();
    let look = move |since: Option<Cursor>| {
        let store = looking.clone();
        async move {
            let look = store.run("commands_changed_since", move |conn| {
                let horizon = horizon::horizon(conn)?;
                let changes = match since {
                    Some(since) => commands::changed_since(conn, since.0, LOOK_BYTES)?,
                    None => Some(Vec::new()),
                };
                Ok((changes, horizon))
            });
            let (changes, horizon) = look.await?;
            let changes = changes.map(|changes| changes.into_iter().map(Seen).collect());
            Ok(Look { changes, horizon: Cursor(horizon) })
        }
        .boxed()
    };
    let feed = Feed::new("commands", look, drain);
    feed.nudge_on(hints.listen(Topic::Ledger));
    feed
}

/// What a viewer asks for, read and not yet looked up.
struct Wanted {
    named: Named,
    source: Option<DeviceSource>,
    command_ids: BTreeSet<CommandId>,
    run_id: Option<RunId>,
    since: Option<Cursor>,
}

impl Wanted {
    fn read(request: &pb::WatchRequest) -> Result<Self, Error> {
        let mut faults = Faults::new();
        let command_id = |id: &String| {
            CommandId::parse(id).map_err(|_| Error::invalid("command_ids", "has an entry that is no UUID"))
        };
        let command_ids = request.command_ids.iter().filter_map(|id| faults.take(command_id(id))).collect();
        let named = Named::read(&mut faults, &request.site_id, &request.device_ids);
        let run_id = Some(&request.run_id).filter(|id| !id.is_empty());
        let run_id = run_id.and_then(|id| faults.take(RunId::parse(id)));
        let source = faults.take(DeviceSource::from_proto("source", request.source)).flatten();
        let since = faults.take(Cursor::parse(&request.cursor)).flatten();
        faults.check()?;
        Ok(Self { named, source, command_ids, run_id, since })
    }
}

impl Commands {
    /// What the caller sees from now on, until it leaves or the server stops.
    pub(crate) async fn watch(
        &self,
        caller: &OperatorCaller,
        request: &pb::WatchRequest,
    ) -> Result<Answers<pb::WatchResponse>, Error> {
        let Wanted { named, source, command_ids, run_id, since } = Wanted::read(request)?;
        let selection = self.directory.select(caller, named, source).await?;
        let filter = ChangedFilter { selection, command_ids, run_id };
        self.check_named(caller, &filter).await?;
        let since = resume_from(&self.store, since).await?;
        let run = filter.run_id.map(|run_id| Watched::new(self, run_id));
        let (seen, store) = (filter.clone(), self.store.clone());
        // Without a cursor only what is named is told as it is: nobody wants the whole ledger first.
        let begins_with = since.is_some() || !filter.command_ids.is_empty() || filter.run_id.is_some();
        let catch_up = move |since: Option<Cursor>, after: Option<String>| {
            let (store, filter) = (store.clone(), filter.clone());
            async move {
                if since.is_none() && !begins_with {
                    return Ok(Page { items: Vec::new(), next: None });
                }
                let page = PageRequest { size: PAGE, after };
                let since = since.map(|cursor| cursor.0);
                let read = move |conn: &mut _| commands::changed_of(conn, &filter, since, &page, PIECE_BYTES);
                let page = store.run("watch_commands", read).await?;
                Ok(Page { items: page.items.into_iter().map(Seen).collect(), next: page.next })
            }
            .boxed()
        };
        let sees = move |command: &Seen| seen.matches(&command.0);
        let view = View { since, sees: Box::new(sees), catch_up: Box::new(catch_up) };
        let pieces = self.feed.view(view).await?;
        Ok(answers(pieces, run, since).boxed())
    }

    /// Commands and the run that are named must be there, and within the caller's sites.
    async fn check_named(&self, caller: &OperatorCaller, filter: &ChangedFilter) -> Result<(), Error> {
        let mut missing = filter.command_ids.clone();
        let mut page = PageRequest { size: MAX_PAGE_SIZE, after: None };
        while !missing.is_empty() {
            // One of the other source is there; the watch just does not tell of it.
            let selection = DeviceSelection { source: None, ..filter.selection.clone() };
            let (named, request) = (ChangedFilter { selection, ..filter.clone() }, page.clone());
            let read = move |conn: &mut _| commands::changed_of(conn, &named, None, &request, PAGE_BYTES);
            let found = self.store.run("watch_commands", read).await?;
            for command in &found.items {
                missing.remove(&command.command_id);
            }
            let Some(next) = found.next else { break };
            page.after = Some(next);
        }
        if !missing.is_empty() {
            return Err(Error::not_found("Command not found"));
        }
        if let Some(run_id) = filter.run_id {
            self.get_run(caller, run_id).await?;
        }
        Ok(())
    }
}

/// One viewer's stream.
struct Viewer<S> {
    pieces: S,
    run: Option<Watched>,
    cursor: String,
}

/// What a viewer wakes up for.
enum News {
    Piece(Piece<Seen>),
    Run,
}

impl<S: Stream<Item = Result<Piece<Seen>, Error>> + Unpin> Viewer<S> {
    /// The next message; `None` after the last.
    async fn next(&mut self) -> Option<Result<pb::WatchResponse, Error>> {
        loop {
            let news = match self.wait().await? {
                Ok(news) => news,
                Err(error) => return Some(Err(error)),
            };
            match self.answer(news).await {
                Ok(None) => {}
                Ok(Some(answer)) => return Some(Ok(answer)),
                Err(error) => return Some(Err(error)),
            }
        }
    }

    async fn wait(&mut self) -> Option<Result<News, Error>> {
        let Some(run) = &mut self.run else { return Some(self.pieces.next().await?.map(News::Piece)) };
        tokio::select! {
            biased;
            piece = self.pieces.next() => Some(piece?.map(News::Piece)),
            () = run.changed() => Some(Ok(News::Run)),
        }
    }

    async fn answer(&mut self, news: News) -> Result<Option<pb::WatchResponse>, Error> {
        let run = match &mut self.run {
            Some(run) => run.look().await?,
            None => None,
        };
        let commands = match news {
            News::Piece(piece) => {
                self.cursor = piece.cursor.map(|cursor| cursor.to_string()).unwrap_or_default();
                piece.changes.iter().map(|seen| seen.0.clone().into()).collect()
            }
            News::Run if run.is_none() => return Ok(None),
            News::Run => Vec::new(),
        };
        Ok(Some(pb::WatchResponse { commands, cursor: self.cursor.clone(), run: run.map(Into::into) }))
    }
}

fn answers(
    pieces: impl Stream<Item = Result<Piece<Seen>, Error>> + Send + 'static,
    run: Option<Watched>,
    cursor: Option<Cursor>,
) -> impl Stream<Item = Result<pb::WatchResponse, Status>> + Send {
    let cursor = cursor.map(|cursor| cursor.to_string()).unwrap_or_default();
    let viewer = Viewer { pieces: Box::pin(pieces), run, cursor };
    stream::unfold(Some(viewer), |viewer| async move {
        let mut viewer = viewer?;
        match viewer.next().await? {
            Ok(answer) => Some((Ok(answer), Some(viewer))),
            Err(error) => Some((Err(Status::from(error)), None)),
        }
    })
}
