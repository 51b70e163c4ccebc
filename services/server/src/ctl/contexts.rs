//! `homepot ctl contexts`: servers by name.

use std::{path::PathBuf, process::ExitCode};

use serde_json::{Value, json};

use super::kit::{
    connection::Connection,
    context::{self, Context, Contexts},
    out::Out,
    record::{Cell, Column, Record, column, key},
};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Action {
    /// List the contexts; the current one is marked.
    List,
    /// Show the current context.
    #[command(visible_alias = "current-context")]
    Current,
    /// Make a context the current one.
    Use(Name),
    /// Create or change a context with --server, --ca, --token-file and --allow-plaintext. What is left out stays.
    ///
    /// The first context becomes the current one. A context never holds a token, only the name of the file with it.
    Set(Name),
    /// Remove a context.
    Remove(Name),
}

/// Which context.
#[derive(Debug, clap::Args)]
pub(super) struct Name {
    /// The context: 1 to 64 of A-Z, a-z, 0-9, '.', '_', '@' and '-'.
    #[arg(value_name = "NAME", value_parser = context::name)]
    name: String,
}

/// A context with its name.
#[derive(Default)]
struct Named {
    name: String,
    current: bool,
    context: Context,
}

impl Record for Named {
    const COLUMNS: &'static [Column<Self>] = &[
        column("CONTEXT", |c, _| (&c.name).into()),
        key("CURRENT", |c, _| if c.current { "yes" } else { "no" }.into()),
        column("SERVER", |c, _| Cell::or_dash(c.context.server.as_deref().unwrap_or_default())),
        column("CA", |c, _| shown(&c.context.ca).into()),
        column("TOKEN FILE", |c, _| shown(&c.context.token_file).into()),
        column("PLAINTEXT", |c, _| if c.context.allow_plaintext { "yes" } else { "no" }.into()),
    ];
    const NAME: Option<&'static str> = Some("name");

    fn json(&self) -> Value {
        let mut json = json!({ "name": self.name, "current": self.current });
        if let (Some(json), Value::Object(context)) = (json.as_object_mut(), self.context.json()) {
            json.extend(context);
        }
        json
    }
}

fn shown(path: &Option<PathBuf>) -> String {
    path.as_ref().map(|path| path.display().to_string()).unwrap_or_default()
}

/// Needs no server. What a context is set to stands where the connection of other commands is described.
pub(super) fn run(connection: &Connection, out: &Out, action: Action) -> anyhow::Result<ExitCode> {
    let mut contexts = Contexts::read()?;
    match action {
        Action::List => {
            let all: Vec<_> = contexts.all.keys().map(|name| named(&contexts, name)).collect();
            out.list(&all)?;
        }
        Action::Current => {
            let name = contexts.current.clone();
            let name =
                name.ok_or_else(|| anyhow::anyhow!("no context is current; homepot ctl contexts use picks one"))?;
            contexts.find(&name)?;
            out.detail(&named(&contexts, &name))?;
        }
        Action::Use(Name { name }) => {
            contexts.find(&name)?;
            contexts.current = Some(name.clone());
            contexts.write()?;
            out.changed(&named(&contexts, &name), &[])?;
        }
        Action::Set(Name { name }) => {
            let kept = contexts.all.remove(&name).unwrap_or_default();
            let context = connection.over(kept)?;
            contexts.all.insert(name.clone(), context);
            contexts.current.get_or_insert_with(|| name.clone());
            contexts.write()?;
            out.changed(&named(&contexts, &name), &[])?;
        }
        Action::Remove(Name { name }) => {
            contexts.find(&name)?;
            contexts.all.remove(&name);
            contexts.current.take_if(|current| *current == name);
            contexts.write()?;
            out.outcome(
                &json!({ "name": name, "removed": true }),
                Some(&name),
                format_args!("context {name} is removed"),
            )?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn named(contexts: &Contexts, name: &str) -> Named {
    let context = contexts.all.get(name).cloned().unwrap_or_default();
    Named { name: name.to_owned(), current: contexts.current.as_deref() == Some(name), context }
}
