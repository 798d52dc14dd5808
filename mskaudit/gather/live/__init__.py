"""What brokers say on the wire to somebody without credentials."""
