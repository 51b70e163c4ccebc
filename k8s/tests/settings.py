"""Settings of HOMEPOT, as its documentation has them."""

import functools
import re

from manifests import TOP

@functools.cache
def known():
    """The names in docs/operations.md, which a test of the server holds against what it takes."""
    page = (TOP / "docs/operations.md").read_text()
    names = set()
    for line in page.splitlines():
        found = re.findall(r"`((?:HOMEPOT|OTEL)_[A-Z_]+)`", line)
        names.update(found)
        if "`…_FILE`" in line:
            names.update(f"{name}_FILE" for name in found)
    # Every entry of the agent's file is a variable too.
    entries = page.partition("```toml\nserver = ")[2].partition("[commands.")[0]
    keys = re.findall(r"^([a-z_]+) =", "server = " + entries, re.MULTILINE)
    assert len(keys) > 8, "the agent's settings are not found in docs/operations.md"
    names.update(f"HOMEPOT_AGENT_{key.upper()}" for key in keys)
    return names
