"""`python -m agent.cli` is `tillpoint`."""

import sys

from agent.cli import main

sys.exit(main())
