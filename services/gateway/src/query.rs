//! Checks the names in a request's query: a parameter that a route does not have, or that is empty, is a fault.
//!
//! Ignoring such a parameter would widen a request without a word: `?site=shop-1` on a route that takes `site_id` would
//! mean every site.

use axum::{extract::Request, middleware::Next, response::Response};
use http::{Extensions, Method, request::Parts};

use crate::{
    error::{ApiError, Fault},
    headers,
};

/// Two names this similar are taken for one misspelled (1 is equal).
const SIMILAR: f64 = 0.8;

/// What is wrong with the query, and with headers that name no caller. It is told together with what else is wrong, and
/// never before a missing credential.
#[derive(Clone)]
struct Found(Vec<Fault>);

/// The middleware of routes that have no parameters.
pub(crate) async fn takes_none(mut request: Request, next: Next) -> Response {
    let faults = faults(&[], request.uri().query().unwrap_or_default());
    if !faults.is_empty() {
        request.extensions_mut().insert(Found(faults));
    }
    next.run(request).await
}

/// What was found so far.
pub(crate) fn found(extensions: &Extensions) -> Vec<Fault> {
    extensions.get::<Found>().map(|Found(faults)| faults.clone()).unwrap_or_default()
}

/// Adds a fault for the handler to tell with all others.
pub(crate) fn add(extensions: &mut Extensions, fault: Fault) {
    let mut faults = found(extensions);
    faults.push(fault);
    extensions.insert(Found(faults));
}

/// The text of a header; one that can't be read is a fault for the handler to tell.
pub(crate) fn header(parts: &mut Parts, name: &str) -> Option<String> {
    headers::text(&parts.headers, name).unwrap_or_else(|fault| {
        add(&mut parts.extensions, fault);
        None
    })
}

/// An error where there is a fault, for handlers that read no body, which would tell it.
pub(crate) fn check(extensions: &Extensions) -> Result<(), ApiError> {
    match extensions.get::<Found>() {
        Some(Found(faults)) => Err(ApiError::invalid(faults.clone())),
        None => Ok(()),
    }
}

/// The same for a caller who has shown its credentials: nothing else of a request to read can be wrong.
pub(crate) fn check_for_caller(parts: &Parts) -> Result<(), ApiError> {
    if matches!(parts.method, Method::GET | Method::HEAD) { check(&parts.extensions) } else { Ok(()) }
}

/// What is wrong with the parameters of `query` where a route has those that are `known`.
pub(crate) fn faults(known: &[String], query: &str) -> Vec<Fault> {
    let pairs = form_urlencoded::parse(query.as_bytes());
    let mut faults: Vec<Fault> = Vec::new();
    for (name, value) in pairs {
        let fault = if !known.iter().any(|known| *known == name) {
            Fault::of_parameter(&name, "extra_forbidden", unknown("parameter", "this route", known, &name))
        } else if value.is_empty() {
            Fault::of_parameter(&name, "string_too_short", "Value is empty; give one, or leave the parameter out")
        } else if value.contains('\0') {
            Fault::of_parameter(&name, "string_unicode", "Value holds a NUL character")
        } else if value.contains(char::REPLACEMENT_CHARACTER) {
            Fault::of_parameter(&name, "string_unicode", "Value is not valid UTF-8")
        } else {
            continue;
        };
        if !faults.contains(&fault) {
            faults.push(fault);
        }
    }
    faults
}

/// Says that `taker` has nothing called `name`, and names the nearest that it has.
pub(crate) fn unknown(what: &str, taker: &str, known: &[String], name: &str) -> String {
    let similarity = |known: &String| strsim::jaro_winkler(&known.to_lowercase(), &name.to_lowercase());
    let nearest = known.iter().map(|known| (similarity(known), known)).max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        None => format!("There is no such {what}; {taker} takes none"),
        Some((similarity, nearest)) if similarity >= SIMILAR => {
            format!("There is no such {what}; did you mean '{nearest}'?")
        }
        Some(_) => {
            let quoted: Vec<_> = known.iter().map(|known| format!("'{known}'")).collect();
            format!("There is no such {what}; {taker} takes {}", quoted.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(known: &[&str], query: &str) -> Vec<String> {
        let known: Vec<_> = known.iter().map(|name| (*name).to_owned()).collect();
        faults(&known, query).into_iter().map(|fault| fault.msg).collect()
    }

    #[test]
    fn an_unknown_parameter_is_told_with_the_nearest_good_one() {
        let removal = ["site_id", "label_selector", "all"];
        let like = [("site", "site_id"), ("siteId", "site_id"), ("SITE_ID", "site_id"), ("selector", "label_selector")];
        for (name, nearest) in like {
            let expected = format!("There is no such parameter; did you mean '{nearest}'?");
            assert_eq!(told(&removal, &format!("{name}=x")), [expected], "{name}");
        }
        let none_is_near = "There is no such parameter; this route takes 'site_id', 'label_selector', 'all'";
        assert_eq!(told(&removal, "zebra=x"), [none_is_near]);
        assert_eq!(told(&[], "x=1"), ["There is no such parameter; this route takes none"]);
    }

    #[test]
    fn every_fault_of_a_query_is_told_once() {
        let faults = told(&["a", "b", "c"], "a=&b=%00&c=%ff&zz=1&zz=2&a=good&&");
        assert_eq!(
            faults,
            [
                "Value is empty; give one, or leave the parameter out",
                "Value holds a NUL character",
                "Value is not valid UTF-8",
                "There is no such parameter; this route takes 'a', 'b', 'c'",
            ]
        );
        assert!(told(&["a"], "a=%C3%A4&a=+").is_empty());
    }
}
