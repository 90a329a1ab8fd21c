"""Updates: versions side by side, fetched by the agent, switched by the updater, which goes back by itself."""
