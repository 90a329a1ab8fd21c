"""A fleet that is updated in rings: a real centre over real HTTP, the real updater, doubles of services and time."""
