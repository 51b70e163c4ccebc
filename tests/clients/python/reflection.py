"""Calls a HOMEPOT server with nothing but its address: services, methods and messages come from server reflection.

usage: HOMEPOT_TOKEN=<an admin's token> python reflection.py HOST:PORT
"""

import os
import sys

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

OURS = {
    "homepot.command.v1.CommandService",
    "homepot.device.v1.DeviceService",
    "homepot.registry.v1.RegistryService",
    "homepot.telemetry.v1.TelemetryService",
}

channel = grpc.insecure_channel(sys.argv[1])
database = ProtoReflectionDescriptorDatabase(channel)
pool = DescriptorPool(database)


def call(service, method, token=None, **fields):
    """Calls a unary method; request and response are built from what reflection told."""
    descriptor = pool.FindServiceByName(service).methods_by_name[method]
    request = GetMessageClass(descriptor.input_type)(**fields)
    stub = channel.unary_unary(
        f"/{service}/{method}",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=GetMessageClass(descriptor.output_type).FromString,
    )
    metadata = [("authorization", f"Bearer {token}")] if token else []
    return stub(request, metadata=metadata, timeout=30)


services = set(database.get_services())
missing = OURS - services
assert not missing, f"reflection does not list {missing}"

registry = "homepot.registry.v1.RegistryService"
try:
    call(registry, "ListSites")
except grpc.RpcError as error:
    assert error.code() == grpc.StatusCode.UNAUTHENTICATED, error
else:
    raise AssertionError("sites were listed for a caller without a token")

token = os.environ["HOMEPOT_TOKEN"]
site = call(registry, "CreateSite", token, site_id="by-reflection", name="Made by reflection").site
assert site.site_id == "by-reflection" and site.created_at.seconds > 0, site
sites = call(registry, "ListSites", token).sites
assert "by-reflection" in [site.site_id for site in sites], sites
me = call(registry, "WhoAmI", token).operator
assert me.name, me

# The stream is told as one, both ways.
attach = pool.FindServiceByName("homepot.device.v1.DeviceService").methods_by_name["Attach"]
assert attach.client_streaming and attach.server_streaming
print("all of it answered")
