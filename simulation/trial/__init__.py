"""An agent to try a POS on: the POS's own calls are judged, step by step, while answers get lost and the line goes."""
