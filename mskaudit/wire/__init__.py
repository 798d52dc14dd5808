"""Kafka, SASL and TLS bytes, read and written by code that cannot do I/O.

Both ends of every protocol use the same tables, so a scanner and a reference broker speak with one voice. Bytes
from a peer raise ``RemoteWireError`` when they break the protocol and never anything else.
"""
