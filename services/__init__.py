"""The services: each its own process and database; they share the chassis and the protos, nothing else."""
