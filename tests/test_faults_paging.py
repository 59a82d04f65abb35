"""A deep page of a long list costs what its rows cost, and not what all the rows before it would."""

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse
from nautobot.users.models import Token

from nautobot_job_registry.models import paging
from tests import builders
from tests.support import counted_statements

pytestmark = pytest.mark.django_db

ROWS = 12
LISTS = {
    "jobrun": lambda number: builders.run(number),
    "jobrevision": lambda number: builders.revision(builders.job(number)),
    "joberror": lambda number: builders.load_error(number),
    "reconciliation": lambda number: builders.reconciliation(number),
}
NAMES = {"joberror": "jobloaderror"}


@pytest.fixture(params=LISTS)
def name(request):
    """The name of a long list, with rows in it."""
    for number in range(1, ROWS + 1):
        LISTS[request.param](number)
    return NAMES.get(request.param, request.param)


@pytest.fixture
def user():
    return get_user_model().objects.create_superuser("operator", "operator@example.com", "secret")


def rest(user, name, query):
    token, _ = Token.objects.get_or_create(user=user)
    url = reverse(f"plugins-api:nautobot_job_registry-api:{name}-list")
    answer = Client().get(f"{url}?{query}", headers={"Authorization": f"Token {token.key}"})
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["results"]]


def page(user, name, query):
    client = Client()
    client.force_login(user)
    url = reverse(f"plugins:nautobot_job_registry:{name}_list")
    with counted_statements() as statements:
        answer = client.get(f"{url}?{query}", headers={"HX-Request": "true"})
    assert answer.status_code == 200
    return [str(row.record.pk) for row in answer.context["table"].page.object_list], statements


def deep(monkeypatch):
    monkeypatch.setattr(paging, "DEEP", 1)


def of_rows(statements, name):
    """Return the statements that read the rows of a page."""
    return [sql for sql in statements if f'FROM "nautobot_job_registry_{name}"' in sql and " LIMIT " in sql]


def test_deep_pages_of_rest_have_the_same_rows(name, user, monkeypatch):
    shallow = rest(user, name, "limit=100")
    deep(monkeypatch)
    pages = [rest(user, name, f"limit=5&offset={offset}") for offset in range(0, len(shallow), 5)]
    assert [pk for rows in pages for pk in rows] == shallow


@pytest.mark.parametrize("sort", ["", "&sort=-id"])
def test_deep_pages_have_the_same_rows_in_order_and_join_those_alone(name, user, monkeypatch, sort):
    page(user, name, f"per_page=5&page=1{sort}")
    before, shallow = page(user, name, f"per_page=5&page=2{sort}")
    deep(monkeypatch)
    after, statements = page(user, name, f"per_page=5&page=2{sort}")
    assert after == before
    assert len(statements) == len(shallow)
    (sql,) = [sql for sql in of_rows(statements, name) if " OFFSET 5" in sql]
    _, keys = sql.rsplit(" IN (SELECT ", 1)
    keys, _ = keys.split(" LIMIT 5 OFFSET 5)")
    # What the order asks for is joined, and nothing that is only shown.
    assert keys.count(" JOIN ") == (1 if name == "jobrevision" else 0)


def test_a_page_of_what_is_filtered_and_annotated_is_right(monkeypatch):
    jobs = [builders.job(number) for number in range(1, 4)]
    for number, job in enumerate(jobs * 3, 1):
        builders.revision(job, number)
    deep(monkeypatch)
    from nautobot_job_registry.models import JobRevision

    rows = JobRevision.objects.filter(number__gt=2).order_by("-number")
    assert [row.number for row in rows[2:5]] == [7, 6, 5]
    assert [row.number for row in rows.reverse()[2:4]] == [5, 6]
    assert list(rows.values_list("number", flat=True)[2:4]) == [7, 6]
    assert rows[3].number == 6
    assert list(rows[50:60]) == []
    assert len(list(rows)[2:5]) == 3
