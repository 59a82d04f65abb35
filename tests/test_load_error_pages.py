"""The list of load errors, the page of each, and what stands above all lists: what broke, where, and what it stops."""

import os
from pathlib import Path

import pytest
from django.urls import reverse
from django.utils.html import escape, strip_tags
from git import Repo

from nautobot_job_registry import models
from nautobot_job_registry.engine.descriptor import Source, SourceType
from nautobot_job_registry.sources import excerpts
from nautobot_job_registry.tables.load_error_banner import open_errors
from tests import builders
from tests.support import counted_statements, grant

pytestmark = pytest.mark.django_db
LIST = "/plugins/job-registry/load-errors/"
JOBS = "/plugins/job-registry/registered-jobs/"
LOCAL = {"source_type": "local", "source_name": "JOBS_ROOT"}
GIT = {"source_type": "git", "source_name": "tools"}
BROKEN = {"installed": False, "absence": "load_error"}


@pytest.fixture
def page(admin_client):
    """Return what a page says to somebody who may do everything."""
    return lambda url, **headers: admin_client.get(url, headers=headers).content.decode()


@pytest.fixture
def user(django_user_model, client):
    """Somebody with no rights yet, who is logged in."""
    user = django_user_model.objects.create_user(username="reader")
    client.force_login(user)
    return user


def listed(page, query=""):
    """Return the rows of the list as texts, each in one line."""
    rows = page(f"{LIST}?{query}", **{"HX-Request": "true"}).split("<tbody>")[1].split("</tbody>")[0].split("</tr>")
    return [" ".join(strip_tags(row.replace("<br>", " ")).split()) for row in rows[:-1]]


# The list


def test_open_errors_come_first_and_the_newest_of_them_first(page):
    for number, resolved in ((1, False), (2, True), (3, False), (4, True)):
        builders.load_error(number, resolved_at=builders.moment(20 + number) if resolved else None)
    names = [row.split()[1] for row in listed(page)]
    assert names == ["/jobs/broken_3.py:3", "/jobs/broken_1.py:1", "/jobs/broken_4.py:4", "/jobs/broken_2.py:2"]


def test_row_says_where_what_since_when_and_by_whom(page, settings):
    path = f"{settings.JOBS_ROOT}/backups.py"
    builders.load_error(1, module_name="backups", file_path=path, line=4, commit_author="Ada", message="No\nway")
    [row] = listed(page)
    for text in (
        "open",
        "backups.py:4",
        "Error1: No way",
        "last commit by Ada",
        "Local (JOBS_ROOT)",
        "first 2026-01-01",
    ):
        assert text in row
    assert settings.JOBS_ROOT not in row


def test_row_is_red_where_jobs_cannot_run_and_yellow_where_a_sync_was_rejected(page):
    builders.load_error(1)
    builders.load_error(2, effective_version="a" * 40)
    builders.load_error(3, resolved_at=builders.moment(9))
    content = page(LIST, **{"HX-Request": "true"})
    assert content.count("var(--bs-danger-bg-subtle)") == content.count("var(--bs-warning-bg-subtle)") == 1


def stopped(**values):
    """Store a job of the JOBS_ROOT that cannot be loaded."""
    number = models.RegisteredJob.objects.count() + 1
    return builders.job(number, **{**LOCAL, **BROKEN, **values})


def test_jobs_that_an_error_stops_are_counted_and_listed(page):
    inside = [
        stopped(module_name="net", job_class_name="A"),
        stopped(module_name="net.backup", job_class_name="B"),
        # Written in a library, and registered by a file of the package.
        stopped(module_name="library", job_class_name="C", registered_in="net/__init__.py"),
        stopped(module_name="library.more", job_class_name="D", registered_in="net/jobs/register.py"),
    ]
    stopped(module_name="network", job_class_name="Other")
    stopped(module_name="library", job_class_name="Elsewhere", registered_in="network.py")
    stopped(module_name="net", job_class_name="Gone", absence="removed")
    stopped(module_name="net", job_class_name="OfGit", source_type="git", source_name="tools")
    stopped(module_name="net", job_class_name="Runs", installed=True, absence="")
    error = builders.load_error(1, module_name="net", **LOCAL)
    assert " 4 2026" in listed(page)[0]
    jobs = page(f"{JOBS}?load_error={error.pk}", **{"HX-Request": "true"})
    shown = {job.job_class_name for job in models.RegisteredJob.objects.all() if f">{job.name}</a>" in jobs}
    assert shown == {job.job_class_name for job in inside}
    assert f'href="{JOBS}?load_error={error.pk}"' in page(LIST, **{"HX-Request": "true"})


def test_error_of_a_class_stops_that_class_alone(page):
    stopped(module_name="net", job_class_name="A")
    stopped(module_name="net", job_class_name="B")
    builders.load_error(1, module_name="net", job_class_name="B", **LOCAL)
    assert " 1 2026" in listed(page)[0]


def test_module_of_a_repository_is_told_by_the_file_that_registers_its_jobs(page):
    stopped(module_name="library", job_class_name="A", registered_in="jobs/backup.py", **GIT)
    stopped(module_name="library", job_class_name="B", registered_in="jobs/other.py", **GIT)
    builders.load_error(1, module_name="tools.jobs.backup", **GIT)
    assert " 1 2026" in listed(page)[0]


def test_resolved_error_stops_nothing(page):
    stopped(module_name="net", job_class_name="A")
    error = builders.load_error(1, module_name="net", resolved_at=builders.moment(9), **LOCAL)
    assert "&mdash;" in listed(page)[0]
    assert "No registered jobs found" in page(f"{JOBS}?load_error={error.pk}", **{"HX-Request": "true"})


def test_jobs_are_counted_as_far_as_one_may_view_them(client, user):
    stopped(module_name="net", job_class_name="A")
    stopped(module_name="net", job_class_name="B")
    builders.load_error(1, module_name="net", **LOCAL)
    grant(user, models.JobLoadError, ["view"])
    page = lambda url, **headers: client.get(url, headers=headers).content.decode()  # noqa: E731
    assert " &mdash; 2026" in listed(page)[0]
    grant(user, models.RegisteredJob, ["view"], {"job_class_name": "A"})
    assert " 1 2026" in listed(page)[0]


def test_errors_are_sorted_by_the_jobs_that_they_stop(page):
    stopped(module_name="broken_2", job_class_name="A")
    for number in (1, 2, 3):
        builders.load_error(number, **LOCAL)
    assert "broken_2" in listed(page, "sort=-jobs")[0] and "broken_2" in listed(page, "sort=jobs")[2]


def test_menu_leads_to_the_errors_that_are_open(page):
    assert f'href="{LIST}?resolved=false"' in page(reverse("home"))


# Above all lists


def test_each_list_tells_of_what_cannot_be_loaded(page):
    for number in range(1, 6):
        builders.load_error(number)
    builders.load_error(9, resolved_at=builders.moment(20))
    for route in ("registered-jobs", "job-runs", "job-revisions", "field-overrides", "suspensions", "reconciliations"):
        text = " ".join(strip_tags(page(f"/plugins/job-registry/{route}/")).split())
        assert "5 load errors: /jobs/broken_5.py:5 of JOBS_ROOT: Error5: Message 5; " in text, route
        assert "and 2 more" in text and "broken_1" not in text
    assert "data-registry-load-errors" not in page(LIST)


def test_banner_takes_one_statement_and_none_of_those_who_may_view_no_errors(user, django_user_model):
    for number in range(1, 9):
        builders.load_error(number, git_repository=builders.repository(f"R{number}", f"r{number}"))
    with counted_statements() as statements:
        assert open_errors(user) == {}
    assert statements == [] or all("users_objectpermission" in sql for sql in statements)
    admin = django_user_model.objects.create_superuser(username="all", email="", password="all")
    with counted_statements() as statements:
        assert open_errors(admin)["more"] == 5
    assert len(statements) == 1


def test_banner_tells_of_the_errors_that_one_may_view(client, user):
    builders.load_error(1)
    builders.load_error(2)
    grant(user, models.RegisteredJob, ["view"])
    assert "data-registry-load-errors" not in client.get(JOBS).content.decode()
    grant(user, models.JobLoadError, ["view"], {"module_name": "broken_2"})
    content = client.get(JOBS).content.decode()
    assert "1 load error:" in content and "broken_2.py" in content and "broken_1" not in content


def test_no_banner_where_nothing_is_broken(page):
    builders.load_error(1, resolved_at=builders.moment(9))
    assert "data-registry-load-errors" not in page(JOBS)


# The page


def test_page_is_named_after_module_and_error(page):
    error = builders.load_error(1)
    assert "<title>broken_1: Error1 - Nautobot</title>" in page(error.get_absolute_url())


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (LOCAL, ("Fix the file in JOBS_ROOT", "reconcile_jobs --source local")),
        (GIT, ("push the change, and sync the repository", "reconcile_jobs --source git:tools")),
        ({"source_type": "app", "source_name": "an_app"}, ("restart Nautobot", "--source app:an_app")),
        ({**LOCAL, "exception_type": "DescriptorError"}, ("and the job runs", "--source local")),
        ({**LOCAL, "exception_type": "OutdatedProcessError"}, ("Restart the process",)),
        ({**GIT, "effective_version": "a" * 40}, ("rejected the sync", "push the change")),
    ],
)
def test_page_says_what_to_do(page, values, texts):
    content = page(builders.load_error(1, **values).get_absolute_url())
    for text in texts:
        assert text in content
    assert ("On the command line" in content) == any("--source" in text for text in texts)


def test_page_lists_the_jobs_that_cannot_run_and_those_that_are_not_found(page):
    stopped(module_name="broken_1", job_class_name="Stopped")
    stopped(module_name="moved", job_class_name="Missing", absence="unconfirmed")
    error = builders.load_error(1, **LOCAL)
    content = page(error.get_absolute_url())
    cannot_run, not_found = content.split("Jobs That Cannot Run")[1].split("Not Found: They Count As Removed")
    assert "broken_1.<wbr>Stopped" in cannot_run and "Missing" not in cannot_run
    assert "moved.<wbr>Missing" in not_found
    error.resolved_at = builders.moment(9)
    error.save()
    content = page(error.get_absolute_url())
    assert "Jobs That Cannot Run" not in content and "Not Found" not in content


def test_page_has_no_panel_of_a_commit_that_is_not_known(page):
    assert "last-commit" not in page(builders.load_error(1).get_absolute_url())
    content = page(builders.load_error(2, commit_author="Ada", commit_subject="Use <b>").get_absolute_url())
    assert "last-commit" in content and "Ada" in content and "Use &lt;b&gt;" in content


def test_page_links_to_the_file_at_its_commit_without_the_password_of_the_repository(page, settings):
    repository = builders.repository(slug="tools")
    type(repository).objects.update(remote_url="https://user:s3cret@github.com/acme/tools.git")
    path = f"{settings.GIT_ROOT}/tools/jobs/backups.py"
    error = builders.load_error(1, git_repository=repository, file_path=path, source_version="ab" * 20, line=4, **GIT)
    content = page(error.get_absolute_url())
    assert f'href="https://github.com/acme/tools/blob/{"ab" * 20}/jobs/backups.py#L4"' in content
    assert "s3cret" not in content


def test_page_offers_the_sync_and_the_reconcile_to_those_who_may(client, user, page):
    repository = builders.repository(slug="tools")
    error = builders.load_error(1, git_repository=repository, **GIT)
    sync = reverse("extras:gitrepository_sync", kwargs={"pk": repository.pk})
    plan = "/plugins/job-registry/reconcile/?source=git%3Atools"
    content = page(error.get_absolute_url())
    assert f'<form method="post" action="{sync}"' in content and f'href="{plan}"' in content
    grant(user, models.JobLoadError, ["view"])
    content = client.get(error.get_absolute_url()).content.decode()
    assert sync not in content and plan not in content
    grant(user, type(repository), ["view", "change"], {"slug": "other"})
    grant(user, models.Reconciliation, ["add"])
    content = client.get(error.get_absolute_url()).content.decode()
    assert sync not in content and plan in content


def test_rejected_sync_offers_no_reconcile_and_what_is_resolved_offers_nothing(page):
    repository = builders.repository(slug="tools")
    error = builders.load_error(1, git_repository=repository, effective_version="a" * 40, **GIT)
    content = page(error.get_absolute_url())
    assert "Sync repository" in content and "Reconcile this source" not in content
    error.resolved_at = builders.moment(9)
    error.save()
    content = page(error.get_absolute_url())
    assert "Sync repository" not in content and "Reconcile this source" not in content


def test_traceback_can_be_copied_by_those_who_may_see_it(client, user, page):
    error = builders.load_error(1)
    content = page(error.get_absolute_url())
    assert 'data-clipboard-target="#registry-traceback"' in content and builders.TRACEBACK in content
    grant(user, models.JobLoadError, ["view"])
    assert "registry-traceback" not in client.get(error.get_absolute_url()).content.decode()


# The code around the line

CODE = "".join(f"line_{number} = '<{number}>'\n" for number in range(1, 21))


@pytest.fixture
def local_error(jobs_root):
    """An error in line 10 of a file in the JOBS_ROOT."""
    path = jobs_root / "broken_1.py"
    path.write_text(CODE)
    traceback = f"Traceback:\n  File \"{path}\", line 10, in <module>\n    line_10 = '<10>'\nError: no\n"
    return builders.load_error(1, file_path=str(path), line=10, traceback=traceback, **LOCAL)


def test_page_shows_the_lines_around_the_one_that_failed(page, local_error):
    text = strip_tags(page(local_error.get_absolute_url()).split("data-registry-excerpt")[1].split("</table>")[0])
    assert "line_4 =" in text and "line_16 =" in text and "line_3 =" not in text and "line_17 =" not in text
    content = page(local_error.get_absolute_url())
    assert "as it is on this web server now" in content
    assert content.count('aria-current="true"') == 1 and "→ 10" in content
    assert escape("<10>") in content and "<10>" not in content


def test_lines_are_for_those_who_may_view_sources(client, user, local_error):
    grant(user, models.JobLoadError, ["view"])
    assert "data-registry-excerpt" not in client.get(local_error.get_absolute_url()).content.decode()
    grant(user, models.JobLoadError, ["view_source"])
    assert "data-registry-excerpt" in client.get(local_error.get_absolute_url()).content.decode()


def test_no_lines_of_a_file_that_is_another_one_by_now(page, local_error):
    path = Path(local_error.file_path)
    path.write_text(f"# A new line\n{CODE}")
    assert "data-registry-excerpt" not in page(local_error.get_absolute_url())
    path.write_text("short\n")
    assert "data-registry-excerpt" not in page(local_error.get_absolute_url())
    path.unlink()
    assert "data-registry-excerpt" not in page(local_error.get_absolute_url())


def of_local(path, line=1):
    return excerpts.excerpt(Source(SourceType.LOCAL, "JOBS_ROOT"), "", str(path), line)


def test_nothing_is_read_outside_of_the_folder_of_the_source(jobs_root, tmp_path):
    secret = tmp_path / "secret.py"
    secret.write_text("PASSWORD = 1\n")
    (jobs_root / "link.py").symlink_to(secret)
    (jobs_root / "folder").symlink_to(tmp_path)
    os.mkfifo(jobs_root / "pipe.py")
    (jobs_root / "large.py").write_text("x = 1\n" * 500_000)
    for path in (
        secret,
        jobs_root / "link.py",
        jobs_root / "folder" / "secret.py",
        f"{jobs_root}/../{secret.relative_to(secret.anchor)}",
        os.path.relpath(secret, jobs_root),
        jobs_root / "pipe.py",
        jobs_root / "large.py",
        jobs_root,
        "/etc/passwd",
        "/dev/zero",
        "",
    ):
        assert of_local(path) is None, path
    assert of_local(jobs_root / "stays.py", line=0) is None


def test_lines_of_a_repository_are_those_of_the_commit(git_root, tmp_path):
    folder = git_root / "tools"
    repository = Repo.init(folder)
    path = folder / "jobs" / "backup.py"
    path.parent.mkdir()
    path.write_text(CODE)
    (folder / "link.py").symlink_to("/etc/passwd")
    repository.index.add(["jobs/backup.py", "link.py"])
    commit = repository.index.commit("Add").hexsha
    path.write_text("checked out since\n")
    source = Source(SourceType.GIT, "tools")
    found = excerpts.excerpt(source, commit, str(path), 10)
    assert (found.first, found.marked, found.commit) == (4, 10, commit)
    assert found.lines[6] == "line_10 = '<10>'"
    for version, file in (
        (commit, folder / "link.py"),
        (commit, folder / "gone.py"),
        (commit, folder / ".." / "tools" / "jobs" / ".." / ".." / "other" / "x.py"),
        (commit, folder / "jobs"),
        (commit, "/etc/passwd"),
        ("f" * 40, path),
        ("main", path),
        ("", path),
    ):
        assert excerpts.excerpt(source, version, str(file), 1) is None, (version, file)
    assert excerpts.excerpt(Source(SourceType.GIT, "../tools"), commit, str(path), 10) is None
    assert excerpts.excerpt(Source(SourceType.APP, "an_app"), "1.0", str(path), 10) is None
    repository.close()
