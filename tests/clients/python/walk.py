"""Lists, queues, queries and watches with a client that was generated from the OpenAPI document alone.

usage: HOMEPOT_TOKEN=<an admin's token> PYTHONPATH=<where homepot_client is> python walk.py BASE_URL DEVICE_ID
"""

import json
import os
import sys

from homepot_client import AuthenticatedClient
from homepot_client.api.command_service import command_queue, command_watch
from homepot_client.api.registry_service import registry_create_site, registry_list_devices, registry_list_sites
from homepot_client.api.telemetry_service import telemetry_latest, telemetry_query
from homepot_client.models import (
    CommandV1CommandState,
    CommandV1QueueRequestIn,
    Error,
    RegistryV1CreateSiteRequestIn,
    TelemetryV1Metric,
)

base_url, device_id = sys.argv[1:]
client = AuthenticatedClient(base_url=base_url, token=os.environ["HOMEPOT_TOKEN"], timeout=30)


def events(operation, **parameters):
    """The messages of a stream: the generated code builds the request, and server-sent events are read line by line."""
    with client.get_httpx_client().stream(**operation._get_kwargs(**parameters)) as response:
        assert response.status_code == 200, response.read()
        name = "message"
        for line in response.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                yield name, json.loads(line.removeprefix("data: "))
                name = "message"


# List.
site = registry_create_site.sync(client=client, body=RegistryV1CreateSiteRequestIn(site_id="by-python", name="By Python"))
assert site.site.site_id == "by-python", site
sites = registry_list_sites.sync(client=client, page_size=100)
assert "by-python" in [site.site_id for site in sites.sites], sites
devices = registry_list_devices.sync(client=client)
assert device_id in [device.device_id for device in devices.devices], devices
latest = telemetry_latest.sync(client=client, device_ids=[device_id])
assert latest.samples[0].sample.cpu_percent == 42.5, latest

# A fault is told by its field.
refused = registry_create_site.sync(client=client, body=RegistryV1CreateSiteRequestIn(site_id="no spaces", name="x"))
assert isinstance(refused, Error) and refused.detail[0].loc == ["body", "site_id"], refused

# Queue, and watch.
order = CommandV1QueueRequestIn(command_type="PING", time_to_live="600s")
queued = command_queue.sync(client=client, device_id=device_id, body=order)
command_id = queued.command.command_id
assert queued.command.state == CommandV1CommandState.COMMAND_STATE_QUEUED, queued
for _, message in events(command_watch, command_ids=[command_id]):
    if command_id in [command["command_id"] for command in message["commands"]]:
        break
else:
    raise AssertionError("the watch ended without the command")

# Query.
pieces = list(events(telemetry_query, device_ids=[device_id], metrics=[TelemetryV1Metric.METRIC_CPU_PERCENT]))
assert pieces[-1] == ("end", {}), pieces[-1]
points = [point for _, piece in pieces for point in piece.get("series", {}).get("points", [])]
assert [point["last"] for point in points] == [42.5], pieces

print("all of it answered")
