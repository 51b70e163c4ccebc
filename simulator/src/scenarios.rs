//! `homepot-sim scenarios`: lists the scenarios, or prints one.

use std::process::ExitCode;

use crate::{
    scenario::{SHIPPED, Scenario},
    screen::answer,
};

/// All, or one.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print the file of this scenario. To write your own, begin with a copy of `healthy`
    name: Option<String>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let Some(name) = &args.name else {
        for (name, text) in SHIPPED {
            answer(format_args!("{name:<14} {}", Scenario::parse(name, text)?.description));
        }
        return Ok(ExitCode::SUCCESS);
    };
    // Checked on the way: the error names what ships.
    let shipped = SHIPPED.iter().find(|(shipped, _)| shipped == name);
    Scenario::find(name)?;
    match shipped {
        Some((_, text)) => answer(text.trim_end()),
        None => answer(format_args!("{name} can be played")),
    }
    Ok(ExitCode::SUCCESS)
}
