"""Calls DeviceService with wrong keys, as a device does whose key was revoked: `wrong_keys.py ADDRESS CA COUNT`. Prints how each ended."""

import collections
import sys

import grpc

address, authority, count = sys.argv[1:]
with open(authority, "rb") as file:
    trust = grpc.ssl_channel_credentials(file.read())
ended = collections.Counter()
with grpc.secure_channel(address, trust) as channel:
    who = channel.unary_unary("/homepot.device.v1.DeviceService/WhoAmI", request_serializer=bytes, response_deserializer=bytes)
    for number in range(int(count)):
        try:
            who(b"", metadata=[("x-device-id", f"stranger-{number % 50}"), ("x-api-key", f"hpd_{number:043}")], timeout=10)
            ended["OK"] += 1
        except grpc.RpcError as error:
            ended[error.code().name] += 1
for code, times in ended.items():
    print(code, times)
