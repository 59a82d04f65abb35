"""The lines of code around a load error."""

from __future__ import annotations

from django.template import Context
from django.utils.html import format_html, format_html_join
from nautobot.apps.views import get_obj_from_context

from nautobot_job_registry import models
from nautobot_job_registry.engine.descriptor import Source, SourceType
from nautobot_job_registry.engine.text import shortened_text
from nautobot_job_registry.history.highlight import highlighted
from nautobot_job_registry.sources.excerpts import Excerpt, excerpt
from nautobot_job_registry.tables.display import SHORT_COMMIT_LENGTH, path_display, shown_path
from nautobot_job_registry.views.details.code import MAX_LINE_LENGTH, code_line
from nautobot_job_registry.views.details.panels import SourcePanel

ON_THIS_HOST = "as it is on this web server now"
KEY = "registry_excerpt"


def excerpt_of(error: models.JobLoadError) -> Excerpt | None:
    """Return the lines around a load error, or None where they cannot be read, or may be others by now."""
    if not error.line or not error.file_path:
        return None
    source = Source(SourceType(error.source_type), error.source_name)
    return excerpt(source, error.source_version, error.file_path, error.line, error.traceback)


class ExcerptPanel(SourcePanel):
    """Some lines around the one that failed, for those who may view sources."""

    def render(self, context: Context) -> str:
        """Render where there are lines to show."""
        if not self.should_render(context):
            return ""
        found = excerpt_of(get_obj_from_context(context))
        if found is None:
            return ""
        with context.update({KEY: found}):
            return super().render(context)

    def get_value(self, context: Context) -> Excerpt:
        """Return the lines."""
        return context[KEY]

    def render_label(self, context: Context) -> str:
        """Say around which line they are."""
        return f"Code around line {self.get_value(context).marked}"

    def render_body_content(self, context: Context) -> str:
        """Return of which file the lines are, of when, and the lines with their numbers, the one that failed marked."""
        found, error = self.get_value(context), get_obj_from_context(context)
        when = f"as it was at commit {found.commit[:SHORT_COMMIT_LENGTH]}" if found.commit else ON_THIS_HOST
        path = path_display(shown_path(error.file_path, error.git_repository))
        lines = highlighted("\n".join(shortened_text(line, MAX_LINE_LENGTH) for line in found.lines))
        return format_html(
            '<p class="mb-8">{}, {}:</p><div class="table-responsive"><table data-registry-excerpt '
            'class="table table-sm table-borderless mb-0 font-monospace"><tbody>{}</tbody></table></div>',
            path,
            when,
            format_html_join("", "{}", ((_row(found.first + place, line, found),) for place, line in enumerate(lines))),
        )


def _row(number: int, line: list[tuple[str, str]], found: Excerpt) -> str:
    is_marked = number == found.marked
    return format_html(
        '<tr{}><th scope="row" class="text-end text-body-secondary text-nowrap user-select-none">{}{}</th>'
        '<td class="w-100"><pre class="mb-0 border-0 p-0 bg-transparent">'
        '<code class="hljs p-0 bg-transparent">{}</code></pre></td></tr>',
        format_html(' class="table-danger" aria-current="true"') if is_marked else "",
        "→ " if is_marked else "",
        number,
        code_line(line),
    )
