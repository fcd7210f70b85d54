"""Wild Rydes with the probe, where customers have cards and every ride's fare is collected."""

from tests.faults.settings import *  # noqa: F403
from tests.faults.settings import WILDRYDES

WILDRYDES = {**WILDRYDES, "TOPOLOGY": "tests.faults.topology.WITH_FARES"}
