"""A file of a repository has a link to where it can be read, and never one with a password in it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nautobot_job_registry.engine.web_addresses import FORGES, file_address

COMMIT = "e054b18f" * 5
GITHUB = f"https://github.com/acme/jobs/blob/{COMMIT}/jobs/backup.py"
UGLY = (
    "",
    "/srv/git/jobs.git",
    "file:///srv/git/github.com/acme/jobs.git",
    "https://",
    "https://github.com",
    "https://github.com/",
    "https://github.com/acme",
    "https://github.com/acme/jobs/tree/main",
    "https://github.com/../jobs",
    "https://github.com/acme/..",
    "https://github.com/acme//jobs",
    "https://github.com:port/acme/jobs.git",
    "https://github.com:99999/acme/jobs.git",
    "https://[::1/acme/jobs.git",
    "https://[::1]/acme/jobs.git",
    "https://127.0.0.1:8000/jobs.git",
    "https://git.example.org/acme/jobs.git",
    "https://notgithub.com/acme/jobs.git",
    "https://mygitlab.example.org/acme/jobs.git",
    "javascript://github.com/acme/jobs",
    "ftp://github.com/acme/jobs",
    # A password with what has to be escaped in it, so that a part of it looks like a host or a path.
    "https://user:pa/ss@github.com/acme/jobs.git",
    "https://github.com/s3cret@github.com/acme/jobs.git",
    "https://github.com/s3cret@acme/jobs.git",
    "https://github.com/user:s3cret/jobs.git",
    "git@github.com:s3cret@acme/jobs.git",
    "git@github.com:acme",
    'https://github.com/acme/jobs"onclick="x',
    "https://github.com/acme/<b>",
    "https://github.com/äcme/jobs",
    "https://git\nhub.com.evil/acme/jobs.git",
)


@pytest.mark.parametrize(
    ("remote_url", "address"),
    [
        ("https://github.com/acme/jobs.git", GITHUB),
        ("https://github.com/acme/jobs", GITHUB),
        ("https://github.com/acme/jobs/", GITHUB),
        ("https://GitHub.com/acme/jobs.git", GITHUB),
        ("https://user:s3cret@github.com/acme/jobs.git", GITHUB),
        ("https://s3cret@github.com/acme/jobs.git", GITHUB),
        ("https://user:s3c@ret@github.com/acme/jobs.git", GITHUB),
        ("https://github.com/acme/jobs.git?token=s3cret#s3cret", GITHUB),
        ("git@github.com:acme/jobs.git", GITHUB),
        ("github.com:acme/jobs.git", GITHUB),
        ("ssh://git@github.com:22/acme/jobs.git", GITHUB),
        (
            "http://github.example.org:8080/acme/.github",
            f"http://github.example.org:8080/acme/.github/blob/{COMMIT}/jobs/backup.py",
        ),
        (
            "https://gitlab.example.org/net/tools/jobs.git",
            f"https://gitlab.example.org/net/tools/jobs/-/blob/{COMMIT}/jobs/backup.py",
        ),
        ("https://bitbucket.org/acme/jobs", f"https://bitbucket.org/acme/jobs/src/{COMMIT}/jobs/backup.py"),
        ("git@codeberg.org:acme/jobs.git", f"https://codeberg.org/acme/jobs/src/commit/{COMMIT}/jobs/backup.py"),
        ("https://gitea.lab/acme/jobs.git", f"https://gitea.lab/acme/jobs/src/commit/{COMMIT}/jobs/backup.py"),
    ],
)
def test_address_of_a_file(remote_url, address):
    assert file_address(remote_url, COMMIT, "jobs/backup.py") == address


@pytest.mark.parametrize(
    ("remote_url", "line"),
    [
        ("https://github.com/a/b", "#L4"),
        ("https://gitlab.com/a/b", "#L4"),
        ("https://bitbucket.org/a/b", "#lines-4"),
        ("https://codeberg.org/a/b", "#L4"),
    ],
)
def test_address_leads_to_the_line(remote_url, line):
    assert file_address(remote_url, COMMIT, "x.py", 4).endswith(f"/x.py{line}")


@pytest.mark.parametrize("remote_url", UGLY)
def test_no_address_where_it_is_not_known_for_sure(remote_url):
    assert file_address(remote_url, COMMIT, "jobs/backup.py", 4) is None


@pytest.mark.parametrize("commit", ["", "main", "e054b1", "E054B18F", f"{COMMIT}/../x", "3.2.7"])
def test_no_address_without_a_commit(commit):
    assert file_address("https://github.com/acme/jobs", commit, "jobs/backup.py") is None


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../x.py", "jobs/../../x.py", "jobs//x.py", "./x.py"])
def test_no_address_of_what_is_no_path_in_the_repository(path):
    assert file_address("https://github.com/acme/jobs", COMMIT, path) is None


def test_path_is_escaped():
    address = file_address("https://github.com/acme/jobs", COMMIT, 'jobs/a b#"?<ü>.py')
    assert address.endswith("/jobs/a%20b%23%22%3F%3C%C3%BC%3E.py")


SECRET = st.text(alphabet="s3cret:@/?#%&[]. ", min_size=1, max_size=12).map(lambda text: f"S3{text}CR")


@settings(max_examples=300, deadline=None)
@given(SECRET, st.sampled_from([name for forge in FORGES for name in forge.names]))
def test_no_password_in_an_address_whatever_it_is(secret, host):
    for start in (f"https://{secret}@", f"https://user:{secret}@", f"{secret}@", f"ssh://git:{secret}@"):
        for end in (f"{host}/acme/jobs.git", f"{host}:acme/jobs.git"):
            address = file_address(start + end, COMMIT, "jobs/backup.py", 4) or ""
            assert "S3" not in address and "CR" not in address and "@" not in address
