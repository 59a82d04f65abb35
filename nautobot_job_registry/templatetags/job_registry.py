"""Filters and tags that the templates of the job registry need."""

from typing import Any

from django import template
from django.template import Context

from nautobot_job_registry.history.values import value_text
from nautobot_job_registry.tables.display import state_label
from nautobot_job_registry.tables.load_error_banner import open_errors

register = template.Library()

register.filter("registry_state", state_label)
register.filter("registry_value", value_text)


@register.inclusion_tag("nautobot_job_registry/inc/load_error_banner.html", takes_context=True)
def load_error_banner(context: Context) -> dict[str, Any]:
    """Tell of the open load errors that the user of the page may view; nothing where there are none."""
    return {"load_errors": open_errors(context["request"].user)}
