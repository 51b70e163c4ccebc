"""The ops port of a server: probes and metrics."""

import http.client


def get(address, path, timeout=2.0):
    """The status and the text."""
    connection = http.client.HTTPConnection(address, 9464, timeout=timeout)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def ready(address):
    try:
        return get(address, "/readyz")[0] == 200
    except OSError:
        return False


def reason(address):
    """Why it is not ready, as it says."""
    try:
        return get(address, "/readyz")[1]
    except OSError as error:
        return str(error)


def metric(address, called):
    """The sum of a metric over all its series; 0 where nobody answers, as while it starts."""
    try:
        lines = get(address, "/metrics")[1].splitlines()
    except OSError:
        return 0.0
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith((f"{called}{{", f"{called} ")))
