"""Tags that have been read already, for Nautobot's change log."""

from collections.abc import Iterable

from django.db.models import Model
from nautobot.extras.models import Tag


class _AllTags(list[Tag]):
    """The tags of an object, which are true also where there are none."""

    def __bool__(self) -> bool:
        return True


def know_tags(rows: Iterable[Model]) -> None:
    """Have the change log take the tags that are known in place of asking for them again for each object.

    It takes what a form has said of an object's tags, and does not believe that nothing is all.

    Args:
        rows: Objects whose tags have been read beforehand.
    """
    for row in rows:
        row._tags = _AllTags(row.tags.all())
