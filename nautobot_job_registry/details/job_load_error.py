"""Content of the page of a load error."""

from django.utils.html import format_html
from nautobot.apps.ui import (
    ObjectDetailContent,
    ObjectFieldsPanel,
    SectionChoices,
)
from nautobot.apps.views import get_obj_from_context

from nautobot_job_registry import tables
from nautobot_job_registry.details.panels import SourcePanel


class LoadErrorPanel(ObjectFieldsPanel):
    """Where a module could not be loaded, and why."""

    def get_data(self, context):
        """Put the source first."""
        source = tables.source_display(get_obj_from_context(context))
        return {"source": source, **super().get_data(context)}

    def render_value(self, key, value, context):
        """Keep the lines of the message."""
        if key == "message" and value:
            return format_html("<pre>{}</pre>", value)
        return super().render_value(key, value, context)


JOB_LOAD_ERROR = ObjectDetailContent(
    panels=[
        LoadErrorPanel(
            weight=100,
            section=SectionChoices.LEFT_HALF,
            fields=[
                "module_name",
                "job_class_name",
                "source_version",
                "file_path",
                "line",
                "exception_type",
                "message",
            ],
        ),
        ObjectFieldsPanel(
            weight=100,
            section=SectionChoices.RIGHT_HALF,
            label="History",
            fields=["first_seen", "last_seen", "resolved_at"],
        ),
        SourcePanel(weight=100, section=SectionChoices.FULL_WIDTH, label="Traceback", object_field="traceback"),
    ],
)
