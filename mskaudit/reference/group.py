"""Consumer groups."""

from __future__ import annotations


class Group:
    """A consumer group."""

    def forget_topic(self, name: str) -> None:
        """Drop what was committed for a topic that is gone."""
