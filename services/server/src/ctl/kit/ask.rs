//! Questions to whoever sits at the terminal.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use homepot::text;

use super::status::Usage;

/// Asks whether to go on; an error where there is no terminal to ask on.
pub(crate) fn ask(told: &str) -> anyhow::Result<bool> {
    let told = text::visible(told);
    if !is_there() {
        return Err(Usage(format!("{told}: say --yes, as there is no terminal to ask on")).into());
    }
    Ok(is_yes(&answer(&format!("{told}. Go on? [y/N] "))?))
}

/// Asks for the id of what is removed for good; an error if another is typed, or where there is no terminal to ask on.
pub(crate) fn confirm_id(told: &str, id: &str) -> anyhow::Result<()> {
    let told = text::visible(told);
    if !is_there() {
        return Err(Usage(format!("{told}: give --confirm {id}, as there is no terminal to ask on")).into());
    }
    let typed = answer(&format!("{told}. Type its id to go on: "))?;
    anyhow::ensure!(typed.trim() == id, "that is not {id}; nothing was removed");
    Ok(())
}

fn is_there() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

fn answer(question: &str) -> std::io::Result<String> {
    let mut answer = String::new();
    write!(std::io::stderr(), "{question}").and_then(|()| std::io::stderr().flush())?;
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(answer)
}

fn is_yes(answer: &str) -> bool {
    ["y", "yes"].contains(&answer.trim().to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_is_a_yes() {
        assert!(is_yes("y\n") && is_yes("Yes\n"));
        assert!(!is_yes("\n") && !is_yes("") && !is_yes("n\n") && !is_yes("yesterday"));
    }
}
