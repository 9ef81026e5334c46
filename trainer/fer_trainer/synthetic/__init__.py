"""Drawn faces: data that needs no permission and no download.

Persons, expressions and views are drawn at random from a seed, so that training,
conversion and the device can be tried from end to end before real faces are at hand.
A model trained on them knows drawings, not people.
"""

from .dataset import FACES_PER_CLASS, data_set_face, write_data_set
from .expression import EMOTIONS, Expression
from .face import View, draw_face
from .person import Person
from .scene import Square, draw_scene
from .video import TRANSITION_SECONDS, Act, Video, draw_video

__all__ = [
    "EMOTIONS",
    "FACES_PER_CLASS",
    "TRANSITION_SECONDS",
    "Act",
    "Expression",
    "Person",
    "Square",
    "Video",
    "View",
    "data_set_face",
    "draw_face",
    "draw_scene",
    "draw_video",
    "write_data_set",
]
