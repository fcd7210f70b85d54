"""A saga as a picture: every step with its state, the pivot, and the way back.

Pure: an outline in, SVG text out; no database, no script, no file.

Guarantee: each state differs from the others in word and shape, not in colour alone; every text
of the outline is escaped; the same outline gives the same picture.
Does not guarantee: that a long name fits its box; it is cut, and whole in the box's title.
Source: Garcia-Molina and Salem, Sagas; Wlaschin's railway picture of the way forward and back.
"""

from wildrydes.saga.graph.drawing import draw
from wildrydes.saga.graph.outline import Node, Outline, State, Status, Undo

__all__ = ["Node", "Outline", "State", "Status", "Undo", "draw"]
