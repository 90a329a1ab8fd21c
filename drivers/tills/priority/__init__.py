"""The Priority API: how Frontol 6 and Artix ask a loyalty server. One wire protocol, two till systems."""

from drivers.tills.priority.door import PriorityDoor
from drivers.tills.priority.settings import ConsentAsked, PrioritySettings
from drivers.tills.priority.twin import PriorityTwin

__all__ = ["ConsentAsked", "PriorityDoor", "PrioritySettings", "PriorityTwin"]
