"""The page that says what the story has left to do."""

from django.test import Client
from django.urls import reverse

from development.story.telling import admin, check, title
from nautobot_job_registry.metrics import needs
from nautobot_job_registry.models import Reconciliation


def the_dashboard() -> None:
    """Look at the page that says what the story has left to do."""
    title("14. At the end, the dashboard says what needs somebody now.")
    client = Client(SERVER_NAME="localhost")
    client.force_login(admin())
    answer = client.get(reverse("plugins:nautobot_job_registry:dashboard"))
    check("the page is there", answer.status_code == 200)
    page = answer.content.decode()
    for need in needs.NEEDS:
        check(f"{need.title}: {need.count()}", f'id="need-{need.key}"' in page)
    today = needs.reconciles_by_day(Reconciliation.objects.all())[-1].counts
    check(f"{today['succeeded']} reconciles of today succeeded, {today['failed']} failed", today["succeeded"] > 0)
