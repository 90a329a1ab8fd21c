"""What every test may ask for: the folder of real samples, where it is there."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no fault of the code: what is fast enough is said by the benches, never by a test.
settings.register_profile("thorough", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# The same examples for everybody until a test changes: what fails here fails because of a change. `--all` looks for new ones.
settings.register_profile("house", settings.get_profile("thorough"), max_examples=40, derandomize=True)
settings.load_profile("house")

PROJECT = Path(__file__).resolve().parents[1]
SAMPLES = PROJECT.parent / "shared" / "samples"


@pytest.fixture(scope="session")
def project() -> Path:
    """The project's own folder."""
    return PROJECT


@pytest.fixture(scope="session")
def samples() -> Path:
    """Real frames and streams kept outside the project; the project's own fixtures must suffice without them."""
    if not SAMPLES.is_dir():
        pytest.skip("SKIPPED LOUDLY: the folder of real samples is not here; own fixtures were tested")
    return SAMPLES
