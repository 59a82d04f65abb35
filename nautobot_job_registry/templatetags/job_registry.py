"""Filters that the templates of the job registry need."""

from django import template

from nautobot_job_registry.history.values import value_text
from nautobot_job_registry.tables.display import state_label

register = template.Library()

register.filter("registry_state", state_label)
register.filter("registry_value", value_text)
