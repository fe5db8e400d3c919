"""Static checks, one module a subject: each takes a `Plan` and yields findings."""
