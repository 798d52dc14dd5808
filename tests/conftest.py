"""What holds for every test: property tests know no deadline, and repeat themselves in CI."""

from __future__ import annotations

import os

from hypothesis import settings

# A slow machine is no fault. In CI the examples are the same every time, so that a change answers for itself alone.
settings.register_profile("mskaudit", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("mskaudit")
