"""What emotions are read for, who answers for it, and whether the law forbids it.

Regulation (EU) 2024/1689, the AI Act: its Article 5(1)(f) forbids to infer emotions in
the areas of workplace and education institutions but for medical or safety reasons, and
its Article 50(3) has whoever uses such a system inform the people in front of it.
"""

from dataclasses import dataclass

from fer_edge.options import option

PURPOSES = (
    "home",
    "research",
    "testing",
    "art",
    "entertainment",
    "retail",
    "accessibility",
    "medical",
    "safety",
    "workplace",
    "education",
    "other",
)

GROUNDS = ("medical", "safety")
"""The reasons for which Article 5(1)(f) lets emotions be inferred all the same."""

_FORBIDDEN = ("workplace", "education")


@dataclass(frozen=True, slots=True)
class LawSettings:
    """What emotions are read for, and who answers for it."""

    purpose: str = option("", one_of=("", *PURPOSES), example="research")
    """What emotions are read for, or where. Where people work it is workplace, and
    where they are taught education, whatever else it is for. Needed."""
    ground: str = option("", one_of=("", *GROUNDS), example="safety")
    """Emotions may not be inferred in the areas of workplace and education but for
    medical or safety reasons (EU AI Act, Regulation (EU) 2024/1689, Article 5(1)(f));
    without one the daemon refuses to run there."""
    reference: str = option("", example="risk assessment 2026-11 of the crane cab")
    """The document that shows the ground; needed with workplace and education."""
    operator: str = option("", example="Example Ltd")
    """Who answers for the camera, for the notice to the people in front of it
    (``fer-edge notice``), which Article 50(3) demands."""
    contact: str = option("", example="privacy@example.org")
    """Where people can ask: an address, or a telephone number."""
    aim: str = option("", example="The lamp takes the colour of the mood in the room.")
    """What the emotions are read for, in a sentence for those who read the notice."""
    legal_basis: str = option("", example="consent, Article 9(2)(a) GDPR")
    """Why personal data may be processed, as the GDPR, Article 6 or 9, names it."""
    retention: str = option("", example="7 days")
    """How long events are kept, by whoever receives them, too."""


def complaints(settings: LawSettings) -> list[str]:
    """Say what keeps a daemon from reading emotions, a line a key."""
    if not settings.purpose:
        return [
            "law.purpose: missing; say what emotions are read for: "
            + ", ".join(PURPOSES)
        ]
    if settings.purpose not in _FORBIDDEN:
        return []
    if not settings.ground:
        return [
            f"law.purpose: {settings.purpose!r}; emotions may not be inferred there "
            "(EU AI Act, Article 5(1)(f)), but for medical or safety reasons: "
            'law.ground = "medical" or "safety" declares one'
        ]
    if not settings.reference.strip():
        return [
            f"law.reference: {settings.reference!r}; the document is wanted that shows "
            f"the {settings.ground} reason, without which emotions may not be inferred "
            "there (EU AI Act, Article 5(1)(f))"
        ]
    return []
