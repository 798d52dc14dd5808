"""Pure evaluators: who may do what, by Kafka ACLs and by IAM."""
