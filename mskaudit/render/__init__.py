"""One module per format, each a pure function of the audit's result; a format is imported when it is asked for."""
