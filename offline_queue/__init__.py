"""A durable queue of sealed envelopes and a replica of sealed documents; imports nothing of ours."""
