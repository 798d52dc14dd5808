"""The world to verify against, answered in-process: nothing here is ever part of an audit."""
