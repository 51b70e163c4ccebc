"""Every expression of an alert, of the board and of a scaler can be read, and asks for what the server serves."""

import json
import re
import unittest

import promql_parser as promql
import yaml

from catalogue import metrics, series
from manifests import K8S, objects, of_kind

# Labels that Prometheus and the PodMonitor give to every series.
EVERY = {"job", "namespace", "pod", "instance", "container", "role"}
COUNTED = {"rate", "increase", "irate"}
# As the label `code` has them.
CODES = {
    "Ok", "Cancelled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists", "PermissionDenied",
    "ResourceExhausted", "FailedPrecondition", "Aborted", "OutOfRange", "Unimplemented", "Internal", "Unavailable", "DataLoss",
    "Unauthenticated",
}  # fmt: skip
MONITORING = K8S / "components/prometheus-operator"


def alerts():
    rules = yaml.safe_load((MONITORING / "alerts.yaml").read_text())
    return [rule for group in rules["spec"]["groups"] for rule in group["rules"]]


def board():
    return json.loads((MONITORING / "board.json").read_text())


def expressions():
    """Each with where it is found. Grafana's variables are replaced as Grafana does it."""
    for rule in alerts():
        yield f"alert {rule['alert']}", rule["expr"]
    shown = board()
    for panel in shown["panels"]:
        for target in panel.get("targets", []):
            yield f"panel {panel['title']}", target["expr"].replace("$namespace", "homepot")
    for annotation in shown["annotations"]["list"]:
        yield f"annotation {annotation['name']}", annotation["expr"].replace("$namespace", "homepot")
    for scaler in of_kind(objects("overlays/complete"), "ScaledObject"):
        for trigger in scaler["spec"]["triggers"]:
            if trigger["type"] == "prometheus":
                yield f"ScaledObject {scaler['metadata']['name']}", trigger["metadata"]["query"]


def faults(expression):
    """What is wrong with an expression; nothing: it can be read and asks for what there is."""
    try:
        tree = promql.parse(expression)
    except ValueError as error:
        return [f"it can't be read: {error}"]
    found = []
    labels_of(tree, found, None)
    return found


def labels_of(tree, found, called):
    """The labels that an expression's result may have; faults go to `found`. `called` is the function around it."""
    kind = type(tree)
    if kind is promql.VectorSelector:
        return selected(tree, found, called)
    if kind is promql.MatrixSelector:
        return selected(tree.vector_selector, found, called)
    if kind is promql.AggregateExpr:
        inner = labels_of(tree.expr, found, None)
        if tree.modifier is None:
            return set()
        names = set(tree.modifier.labels)
        if tree.modifier.type == promql.AggModifierType.Without:
            return inner - names
        found.extend(f"nothing in {tree.expr} has the label {name}" for name in sorted(names - inner))
        return names
    if kind is promql.Call:
        inner = [labels_of(arg, found, tree.func.name) for arg in tree.args]
        if tree.func.name == "histogram_quantile" and "le" not in inner[1]:
            found.append(f"a quantile needs the label le, which {tree.args[1]} has not")
        return set().union(*inner) - ({"le"} if tree.func.name == "histogram_quantile" else set())
    if kind is promql.BinaryExpr:
        left, right = labels_of(tree.lhs, found, None), labels_of(tree.rhs, found, None)
        numbers = (promql.NumberLiteral,)
        compares_series = not isinstance(tree.lhs, numbers) and not isinstance(tree.rhs, numbers)
        if compares_series and tree.modifier is None and left and right and left != right:
            found.append(f"{sorted(left)} on the left never match {sorted(right)} on the right")
        return left or right
    if kind in (promql.ParenExpr, promql.UnaryExpr, promql.SubqueryExpr):
        return labels_of(tree.expr, found, None)
    return set()


def selected(tree, found, called):
    if tree.name == "up":
        return EVERY
    if tree.name not in series():
        found.append(f"the server has no {tree.name}")
        return EVERY
    metric, added = series()[tree.name]
    is_counter = metric.kind == "counter" or tree.name.endswith(("_sum", "_count", "_bucket"))
    if is_counter and called not in COUNTED:
        found.append(f"{tree.name} only grows: ask for its rate or increase")
    if not is_counter and called in COUNTED:
        found.append(f"{tree.name} goes up and down: it has no {called}")
    labels = {**metric.labels, **added}
    for matcher in tree.matchers.matchers:
        values = labels.get(matcher.name)
        if matcher.name not in labels and matcher.name not in EVERY:
            found.append(f"{tree.name} has no label {matcher.name}")
        elif values is not None:
            asked = matcher.value.split("|") if matcher.op in (promql.MatchOp.Re, promql.MatchOp.NotRe) else [matcher.value]
            found.extend(f"{matcher.name} of {tree.name} is never {value}" for value in asked if value not in values)
    return set(labels) | EVERY


class Expressions(unittest.TestCase):
    def test_every_expression_asks_for_what_is_served(self):
        count = 0
        for at, expression in expressions():
            count += 1
            with self.subTest(at=at, expression=expression):
                self.assertEqual(faults(expression), [])
        self.assertGreater(count, 70)

    def test_an_expression_that_asks_for_something_else_is_found(self):
        for wrong in (
            "sum(homepot_sessions",
            "homepot_session",
            'homepot_sessions{sauce="real"}',
            'homepot_sessions{source="unreal"}',
            'rate(homepot_commands_finished_total{state=~"failed|gone"}[5m])',
            "homepot_samples_stored_total",
            "rate(homepot_sessions[5m])",
            "sum by (reason) (homepot_sessions)",
            "sum by (source) (sum by (pod) (homepot_sessions))",
            "histogram_quantile(0.9, sum by (method) (rate(homepot_grpc_request_seconds_bucket[5m])))",
            "rate(homepot_ingest_batch_samples_bucket[5m])",
            "sum by (namespace) (homepot_sessions) / sum by (pod) (homepot_sessions)",
        ):
            with self.subTest(expression=wrong):
                self.assertNotEqual(faults(wrong), [])

    def test_codes_of_grpc_are_spelled_as_they_are_served(self):
        asked = {code for _, text in expressions() for codes in re.findall(r'code=~"([^"]+)"', text) for code in codes.split("|")}
        self.assertTrue(asked)
        self.assertLessEqual(asked, CODES)


class Alerts(unittest.TestCase):
    def test_every_alert_has_a_summary_a_severity_and_a_section_that_says_what_to_do(self):
        page = (K8S / "README.md").read_text()
        headings = set(re.findall(r"^### (\w+)$", page, re.MULTILINE))
        names = [rule["alert"] for rule in alerts()]
        self.assertEqual(len(names), len(set(names)))
        for rule in alerts():
            with self.subTest(alert=rule["alert"]):
                self.assertIn(rule["labels"]["severity"], ("critical", "warning"))
                self.assertTrue(rule["annotations"]["summary"].endswith("."))
                self.assertIn(rule["alert"], headings)
                self.assertEqual(rule["annotations"]["runbook_url"], f"k8s/README.md#{rule['alert'].lower()}")
        sections = {heading for heading in headings if heading.startswith("Homepot")}
        self.assertEqual(sections, set(names), "there is a section for an alert that there is not")

    def test_a_summary_names_labels_that_the_alert_has(self):
        for rule in alerts():
            has = labels_of(promql.parse(rule["expr"]), [], None)
            for label in re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]):
                with self.subTest(alert=rule["alert"]):
                    self.assertIn(label, has)


class Board(unittest.TestCase):
    def test_panels_lie_beside_one_another_and_have_a_title_and_a_query(self):
        taken = {}
        shown = board()
        for panel in shown["panels"]:
            place = panel["gridPos"]
            with self.subTest(panel=panel["title"]):
                self.assertLessEqual(place["x"] + place["w"], 24)
                self.assertTrue(panel["type"] == "row" or panel["targets"])
                for x in range(place["x"], place["x"] + place["w"]):
                    for y in range(place["y"], place["y"] + place["h"]):
                        self.assertIsNone(taken.setdefault((x, y), panel["title"]) if (x, y) in taken else None)
                        taken[x, y] = panel["title"]
        numbers = [panel["id"] for panel in shown["panels"]]
        self.assertEqual(len(numbers), len(set(numbers)))

    def test_devices_are_the_real_ones_unless_the_panel_says_otherwise(self):
        for at, expression in expressions():
            for name in re.findall(r"homepot_(?:samples_(?:stored|lost|refused)|commands_\w+)_total\{[^}]*\}", expression):
                with self.subTest(at=at):
                    self.assertIn("source=", name)


class Catalogue(unittest.TestCase):
    def test_the_table_is_read_with_its_labels(self):
        table = metrics()
        self.assertEqual(table["homepot_sessions"].labels, {"source": ["real", "simulated"]})
        self.assertEqual(table["homepot_hints_lost_total"].labels["transport"], ["postgres", "redis"])
        self.assertEqual(table["homepot_rollup_rows_total"].labels, {"resolution": ["1m", "1h"]})
        self.assertEqual(table["homepot_build_info"].labels, {"version": None})
        self.assertIn("not_let_in", table["homepot_connections_refused_total"].labels["reason"])
        self.assertIn("GOODBYE_REASON_AGED", table["homepot_sessions_ended_total"].labels["reason"])


if __name__ == "__main__":
    unittest.main()
