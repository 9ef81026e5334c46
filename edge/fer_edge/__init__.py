"""The device: camera frames in, emotion events out.

::

    camera ─► detector ─► tracker ─► crop_face ─► classifier ─► episodes ─► publishers
"""
