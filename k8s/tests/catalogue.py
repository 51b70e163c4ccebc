"""The metrics that the server serves, read from its table of them (a test of the server holds that against what it serves)."""

import functools
import re

from manifests import TOP

TABLE = TOP / "services/runtime/src/metrics/catalogue.rs"


class Metric:
    """Its kind, and the labels with all their values; None: names of the code or the contract, which are not listed."""

    def __init__(self, kind, labels):
        self.kind, self.labels = kind, labels


def _lists(text):
    """Constants that are lists of words, by their names."""
    found = re.findall(r"const ([A-Z_]+): &\[&str\] =\s*&\[(.*?)\];", text, re.DOTALL)
    return {name: re.findall(r'"([^"]+)"', values) for name, values in found}


def _labels(text, lists, constants):
    for name, value in constants.items():
        text = re.sub(rf"\b{name}\b", value.replace("\\", r"\\"), text)
    labels = {}
    for name, values in re.findall(r'\("(\w+)", Values::(Names|These\((?:[A-Z_]+|&\[.*?\])\))\)', text, re.DOTALL):
        inside = values.removeprefix("These(").removesuffix(")")
        labels[name] = None if values == "Names" else lists.get(inside) or re.findall(r'"([^"]+)"', inside)
    return labels


@functools.cache
def metrics():
    """Every metric by its name."""
    text = TABLE.read_text().partition("#[cfg(test)]")[0]
    lists = _lists(text)
    single = dict(re.findall(r"const ([A-Z_]+): \(&str, Values\) = (.*?);", text, re.DOTALL))
    several = dict(re.findall(r"const ([A-Z_]+): &\[\(&str, Values\)\] = (&\[.*?\n\]);", text, re.DOTALL))
    table = text.partition("const METRICS: &[Metric] = &[")[2].partition("\n];")[0]
    entry = re.compile(r'(counter|gauge|histogram)\(\s*"(\w+)",\s*(&\[.*?\]|[A-Z_]+),\s*"(?:[^"\\]|\\.)*",?\s*\)', re.DOTALL)
    found = {name: Metric(kind, _labels(labels, lists, single | several)) for kind, name, labels in entry.findall(table)}
    begun = len(re.findall(r"\b(?:counter|gauge|histogram)\(", table))
    assert len(found) == begun > 50, f"{len(found)} of {begun} metrics are read"
    return found


def series():
    """Every name that Prometheus can ask for, with its metric and the labels that the name adds."""
    served = {}
    for name, metric in metrics().items():
        if metric.kind != "histogram":
            served[name] = (metric, {})
            continue
        served[f"{name}_sum"] = served[f"{name}_count"] = (metric, {})
        # Only times have buckets; of others there are quantiles, which can't be added up.
        if name.endswith("_seconds"):
            served[f"{name}_bucket"] = (metric, {"le": None})
        else:
            served[name] = (metric, {"quantile": None})
    return served
