//! Checks the names in a request's query before a handler reads it: a parameter that the route does not have, or that is
//! empty, is a fault.
//!
//! Ignoring such a parameter would widen a request without a word: `?site=shop-1` on a route that takes `site_id` would
//! mean every site. The names are those of the API document, so a new route is checked as soon as it is described.

use std::{collections::HashMap, sync::Arc};

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{Extensions, Method};
use utoipa::openapi::{
    OpenApi, RefOr,
    path::{Operation, Parameter, ParameterIn},
};

use crate::{
    error::{ApiError, Fault},
    openapi::{self, ROUTES},
    routes::PREFIX,
};

/// Two names this similar are taken for one misspelled (1 is equal).
const SIMILAR: f64 = 0.8;

/// The query parameters of every route.
#[derive(Clone, Default)]
pub(crate) struct Known(Arc<HashMap<(&'static str, String), Route>>);

struct Route {
    names: Vec<String>,
    /// Who tells the faults of a query.
    teller: Teller,
}

/// Faults are told together with what else is wrong, and never before a missing credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Teller {
    /// The handler, which reads a query or a body and tells all faults at once.
    Handler,
    /// The extractor of the caller: nothing else of the request can be wrong.
    Caller,
    /// This middleware: the route asks for no credential.
    Here,
}

/// What is wrong with the query, for the handler.
#[derive(Clone)]
struct ForHandler(Vec<Fault>);

/// What is wrong with the query, for the caller's extractor.
#[derive(Clone)]
struct ForCaller(Vec<Fault>);

impl Known {
    /// Reads the names from the document, whose paths begin with the prefix.
    pub(crate) fn of(document: &OpenApi) -> Self {
        let routes = ROUTES.iter().filter_map(|(method, path, audience)| {
            let operation = openapi::operation_of(document, method, path)?;
            let names = names(operation);
            let teller = match () {
                () if *audience == "anyone" => Teller::Here,
                () if names.is_empty() && operation.request_body.is_none() => Teller::Caller,
                () => Teller::Handler,
            };
            Some(((*method, (*path).to_owned()), Route { names, teller }))
        });
        Self(Arc::new(routes.collect()))
    }

    fn route(&self, method: &Method, matched: &str) -> Option<&Route> {
        let method = if *method == Method::HEAD { "GET" } else { method.as_str() };
        let path = matched.strip_prefix(PREFIX).unwrap_or(matched);
        let known = |path: &str| self.0.iter().find(|((m, p), _)| *m == method && p == path).map(|(_, route)| route);
        // `/sites` and `/sites/` are one route.
        known(path).or_else(|| known(&format!("{path}/")))
    }
}

fn names(operation: &Operation) -> Vec<String> {
    let name = |parameter: &RefOr<Parameter>| match parameter {
        RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query => Some(parameter.name.clone()),
        _ => None,
    };
    operation.parameters.iter().flatten().filter_map(name).collect()
}

/// The middleware.
pub(crate) async fn check(State(known): State<Known>, mut request: Request, next: Next) -> Response {
    let matched = request.extensions().get::<MatchedPath>();
    let route = matched.and_then(|matched| known.route(request.method(), matched.as_str()));
    let (Some(route), Some(query)) = (route, request.uri().query()) else { return next.run(request).await };
    let faults = faults(&route.names, query);
    if faults.is_empty() {
        return next.run(request).await;
    }
    match route.teller {
        Teller::Handler => drop(request.extensions_mut().insert(ForHandler(faults))),
        Teller::Caller => drop(request.extensions_mut().insert(ForCaller(faults))),
        Teller::Here => return ApiError::invalid(faults).into_response(),
    }
    next.run(request).await
}

/// Takes the faults of the query that the handler is to tell.
pub(crate) fn for_handler(extensions: &Extensions) -> Vec<Fault> {
    extensions.get::<ForHandler>().map(|ForHandler(faults)| faults.clone()).unwrap_or_default()
}

/// Adds a fault that was found before the handler runs, for the handler to tell with all others.
pub(crate) fn add_for_handler(extensions: &mut Extensions, fault: Fault) {
    let mut faults = for_handler(extensions);
    faults.push(fault);
    extensions.insert(ForHandler(faults));
}

/// An error where the caller's extractor is to tell the faults of the query.
pub(crate) fn for_caller(extensions: &Extensions) -> Result<(), ApiError> {
    match extensions.get::<ForCaller>() {
        Some(ForCaller(faults)) => Err(ApiError::invalid(faults.clone())),
        None => Ok(()),
    }
}

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
