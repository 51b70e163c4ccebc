//! `Watch`: sends commands and runs as they change to any number of viewers, with one query of each kind for all of them.

mod runs;

use std::collections::BTreeSet;

use futures_util::{
    FutureExt as _, Stream, StreamExt as _,
    stream::{self, BoxStream},
};
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
    feed::{Change, Feed, LOOK_BYTES, PIECE_BYTES, Piece, View, resume_from},
};
use homepot_runtime::{Drain, auth::OperatorCaller};
use homepot_store::{
    PgConnection, Store,
    commands::{self, ChangedFilter},
    runs::WatchedFilter,
};
use tonic::Status;

pub(crate) use self::runs::{SeenRun, feed as feed_of_runs};
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
    let changed = |conn: &mut PgConnection, since: Cursor| {
        let changes = commands::changed_since(conn, since.0, LOOK_BYTES)?;
        Ok(changes.map(|changes| changes.into_iter().map(Seen).collect()))
    };
    let feed = Feed::of_rows("commands", "look_for_commands", store.clone(), changed, drain);
    feed.nudge_on(hints.listen(Topic::Ledger));
    feed
}

/// What a viewer asks for, read and not yet looked up.
struct Wanted {
    named: Named,
    source: Option<DeviceSource>,
    command_ids: BTreeSet<CommandId>,
    run_id: Option<RunId>,
    include_runs: bool,
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
        Ok(Self { named, source, command_ids, run_id, include_runs: request.include_runs, since })
    }
}

impl Commands {
    /// What the caller sees from now on, until it leaves or the server stops.
    pub(crate) async fn watch(
        &self,
        caller: &OperatorCaller,
        request: &pb::WatchRequest,
    ) -> Result<Answers<pb::WatchResponse>, Error> {
        let Wanted { named, source, command_ids, run_id, include_runs, since } = Wanted::read(request)?;
        let selection = self.directory.select(caller, named, source).await?;
        let filter = ChangedFilter { selection, command_ids, run_id };
        self.check_named(caller, &filter).await?;
        let since = resume_from(&self.store, since).await?;
        let runs = match (run_id, include_runs) {
            (Some(_), _) => Some(WatchedFilter { scope: caller.scope.clone(), source: None, run_id }),
            (None, true) => Some(WatchedFilter { scope: caller.scope.clone(), source, run_id }),
            (None, false) => None,
        };
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
        let commands = self.feed.view(view).await?.map(|piece| piece.map(News::Commands)).boxed();
        let has_runs = runs.is_some();
        let news = match runs {
            Some(filter) => {
                let view = runs::view(self.store.clone(), filter, since);
                let runs = self.run_feed.view(view).await?.map(|piece| piece.map(News::Runs));
                stream::select(commands, runs).boxed()
            }
            None => commands,
        };
        let reached = Reached { commands: since, runs: has_runs.then_some(since) };
        Ok(answers(news, reached, run_id.is_some()).boxed())
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

/// What a viewer is told.
enum News {
    Commands(Piece<Seen>),
    Runs(Piece<SeenRun>),
}

/// How far a viewer has seen.
struct Reached {
    commands: Option<Cursor>,
    /// `None`: it watches no runs.
    runs: Option<Option<Cursor>>,
}

impl Reached {
    /// Resumes after what was seen of both: some of one may come twice, and nothing is missed.
    fn cursor(&self) -> String {
        let both = self.runs.map_or(self.commands, |runs| runs.min(self.commands));
        both.map(|cursor| cursor.to_string()).unwrap_or_default()
    }

    fn take(&mut self, news: News, is_of_one_run: bool) -> pb::WatchResponse {
        let mut answer = pb::WatchResponse::default();
        match news {
            News::Commands(piece) => {
                self.commands = piece.cursor;
                answer.commands = piece.changes.iter().map(|seen| seen.0.clone().into()).collect();
            }
            News::Runs(piece) => {
                self.runs = Some(piece.cursor);
                let mut runs = piece.changes.iter().map(|seen| seen.0.run.clone().into());
                if is_of_one_run {
                    answer.run = runs.next();
                } else {
                    answer.runs = runs.collect();
                }
            }
        }
        answer.cursor = self.cursor();
        answer
    }
}

fn answers(
    news: BoxStream<'static, Result<News, Error>>,
    reached: Reached,
    is_of_one_run: bool,
) -> impl Stream<Item = Result<pb::WatchResponse, Status>> + Send {
    stream::unfold(Some((news, reached)), move |viewer| async move {
        let (mut news, mut reached) = viewer?;
        match news.next().await? {
            Ok(next) => Some((Ok(reached.take(next, is_of_one_run)), Some((news, reached)))),
            // Where one of the two ends, so does the other: the viewer resumes both.
            Err(error) => Some((Err(Status::from(error)), None)),
        }
    })
}
