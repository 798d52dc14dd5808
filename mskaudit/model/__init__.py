"""Values only: evidence, facts, subjects, the dossier, verdicts."""
