//! The link that opens the web page signed in.

use std::fmt::Display;

use homepot::model::Secret;

/// A link to the page at `page`. The code stands behind `#`: browsers keep that part to themselves, so that no server, proxy or log
/// on the way sees it.
pub(crate) fn sign_in_link(page: impl Display, code: &Secret) -> String {
    format!("{page}/#/sign-in?code={}", code.reveal())
}
