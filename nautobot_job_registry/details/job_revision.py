"""Content of the page of a job revision."""

from nautobot.apps.ui import (
    BaseTextPanel,
    ObjectDetailContent,
    ObjectFieldsPanel,
    ObjectTextPanel,
    SectionChoices,
)

from nautobot_job_registry.details.panels import SourcePanel, VariablesPanel

JOB_REVISION = ObjectDetailContent(
    panels=[
        ObjectFieldsPanel(
            weight=100,
            section=SectionChoices.LEFT_HALF,
            fields=["job", "number", "source_version", "created", "metadata_hash", "source_hash"],
        ),
        ObjectTextPanel(
            weight=100,
            section=SectionChoices.RIGHT_HALF,
            label="Metadata",
            object_field="metadata",
            render_as=BaseTextPanel.RenderOptions.JSON,
        ),
        VariablesPanel(weight=100, section=SectionChoices.FULL_WIDTH, label="Input variables"),
        SourcePanel(weight=200, section=SectionChoices.FULL_WIDTH, label="Source code", object_field="source_code"),
    ],
)
