"""The settings of a control: nothing is kept in order, so that disorder has to show."""

from tests.faults.settings import *  # noqa: F403
from tests.faults.settings import WILDRYDES

WILDRYDES = {**WILDRYDES, "TOPOLOGY": "tests.faults.topology.WITHOUT_ORDER"}
