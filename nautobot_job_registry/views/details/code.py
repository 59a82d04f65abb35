"""Code on a page: with the numbers of its lines, in colours, and with nothing hidden in it."""

from collections.abc import Iterable

from django.template import Context
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from nautobot_job_registry.engine.text import shortened_text, visible_text
from nautobot_job_registry.history.highlight import Part, highlighted
from nautobot_job_registry.views.details.panels import SourcePanel

MAX_LINES_SHOWN = 5000
# A module may have all of its text in one line.
MAX_LINE_LENGTH = 1000


def code_line(parts: Iterable[Part]) -> SafeString:
    """Return the parts of a line with their colours: the classes are those of Nautobot's own style sheet."""
    texts = ((kind, escape(visible_text(text))) for kind, text in parts)
    line = "".join(f'<span class="hljs-{kind}">{text}</span>' if kind else text for kind, text in texts)
    # Each part is escaped: a format for each of many thousands of them would take seconds.
    return mark_safe(line)  # noqa: S308


class CodePanel(SourcePanel):
    """The text of a module, for those who may view sources."""

    def render_body_content(self, context: Context) -> str:
        """Return the numbers and the lines side by side, as many as a page can hold."""
        text = self.get_value(context)
        if not text:
            return super().render_body_content(context)
        lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
        if max(map(len, lines)) > MAX_LINE_LENGTH:
            lines = [shortened_text(line, MAX_LINE_LENGTH) for line in lines]
        shown = highlighted("\n".join(lines))[:MAX_LINES_SHOWN]
        numbers = "\n".join(str(number) for number in range(1, len(shown) + 1))
        left = len(lines) - len(shown)
        return format_html(
            '<div class="d-flex" data-registry-code><pre class="text-end text-secondary user-select-none mb-0 pe-8" '
            'aria-hidden="true"><code class="hljs">{}</code></pre>'
            '<pre class="flex-grow-1 overflow-auto mb-0">'
            '<code class="hljs" tabindex="0">{}</code></pre></div>{}',
            numbers,
            format_html_join("\n", "{}", ((code_line(line),) for line in shown)),
            format_html("<p>… and {} more lines: the REST API has all of them.</p>", left) if left else "",
        )
