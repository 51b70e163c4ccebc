"""What a fuzzer of the OpenAPI document has to know beside it."""

import os
import re

import schemathesis
from hypothesis import strategies as st

GOOD = f"Bearer {os.environ['HOMEPOT_TOKEN']}"
# Operators without whom nothing could be tried any more.
NEEDED = {"admin", "fuzzer"}


@schemathesis.hook
def filter_case(context, case):
    return (case.path_parameters or {}).get("name") not in NEEDED


# Texts that no regular expression tells. An empty one is always taken, and so are these.
schemathesis.openapi.format("label-selector", st.sampled_from(["ring=canary", "!retired", "tier in (pos, kiosk), ring!=early"]))
schemathesis.openapi.format("page-token", st.just("dGlsbA"))
schemathesis.openapi.format("cursor", st.just("dGlsbA"))

# Refusals of requests whose every field is right by itself. A schema speaks of one field at a time; these are about several of
# them together, or about the time of day. Each stands in the comment of its field, which the document has.
TOGETHER = [
    # Only an earlier answer gives these.
    r"is not a (token|cursor) that this (list|watch) gave",
    # What is there decides.
    r"target matches no device",
    r"no device is in this status in this version",
    r"is no time zone of the IANA database",
    r"is required with windows",
    r"must not end at the time at which it begins",
    r"must be true, or one of label, site_id and device_id must be given",
    r"must be the same as (device_id|site_id)",
    r"can't be given together with",
    r"must be left out with",
    r"must lie before (filter\.)?end_time",
    r"lies before what is kept",
    r"must be one of device_ids, site_id and label_selector, or fleet",
    r"must be true to remove every simulated device; or name a site or labels",
    r"must not be true beside a site or labels",
    r"is required, or site_id|either device_ids or site_id|not both",
    r"must be whole seconds, from 60 s on whole minutes, from one hour on whole hours",
    r", a multiple of (1 minute|1 hour)$",
    r"is finer than what is kept at start_time",
    r"makes \d+ points, more than max_points",
    r"more than once|each once|twice",
    r"must each be more than the one before",
    # A part of a file, and where it belongs.
    r"must be a multiple of 262144 below the size",
    r"must be \d+ bytes here",
    r"the upload of this file began with \d+ bytes",
    r"the file that was uploaded has the digest",
    # The last letters of base64 may stand for one byte or two more than its length says.
    r"has more than 262144 bytes",
    # Bytes that only `homepot sign` makes.
    r"not an envelope of a signed message|an envelope ",
]


@schemathesis.check
def valid_data_is_accepted_or_refused_for_state_alone(ctx, response, case):
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return None
    # Without a token, or with a wrong one, nothing else is tried.
    if response.request.headers.get("Authorization") != GOOD:
        return None
    # It is good all along: with another answer nothing would be tried.
    assert response.status_code != 401, "the token of the fuzzer is not taken any more"
    if response.status_code != 422:
        return None
    detail = response.json()["detail"]
    told = [fault["msg"] for fault in detail] if isinstance(detail, list) else [detail]
    left = [message for message in told if not any(re.search(known, message) for known in TOGETHER)]
    assert not left, f"the document allows it, the server does not: {left}"
    return None
