"""The main job on one machine: real processes, real sockets, invented people; also the stage of the fault tests."""
