"""The control plane of Amazon MSK, read live or from saved answers."""
