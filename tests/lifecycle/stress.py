"""Processes that write to the registry at once: see `test_concurrency.py`, which starts this one.

Each works until its time is over; what they did, and what went wrong, is printed as JSON, one line for each.
"""

import json
import multiprocessing
import random
import sys
import time
from collections import Counter
from contextlib import suppress

import nautobot

from development import database

nautobot.setup(str(database.CONFIG))

from django.apps import apps  # noqa: E402
from django.contrib.auth import get_user_model  # noqa: E402
from django.db import DatabaseError, connections, transaction  # noqa: E402
from django.urls import reverse  # noqa: E402
from nautobot.extras.models import Job  # noqa: E402
from nautobot.extras.registry import registry  # noqa: E402
from nautobot.extras.signals import refresh_job_models  # noqa: E402
from rest_framework.test import APIClient  # noqa: E402

from nautobot_job_registry.models import RegisteredJob  # noqa: E402
from nautobot_job_registry.reconcile import reconcile  # noqa: E402

LIST = "plugins-api:nautobot_job_registry-api:registeredjob-list"
# How many jobs a request for many changes, and a script saves in one transaction.
MANY = 4


def reconciles(mine, end, told):
    """Reconcile again and again, as several web hosts that are upgraded."""
    while time.time() < end:
        try:
            reconcile("local")
            told["done"] += 1
        except Exception as error:
            told[f"failed: {type(error).__name__}: {str(error)[:200]}"] += 1


def edits(mine, end, told):
    """Edit jobs through REST, one and many, and keep in mind what was accepted."""
    client = APIClient(raise_request_exception=False, SERVER_NAME="localhost")
    client.force_authenticate(get_user_model().objects.get(username="editor"))
    accepted = {}
    keys = {job.class_path: str(job.pk) for job in RegisteredJob.objects.all() if job.class_path in mine}
    while time.time() < end:
        chosen = random.sample(sorted(keys), MANY if random.random() < 0.3 else 1)
        bodies = [
            {"time_limit": float(random.randint(1, 10**6)), "time_limit_override": True, "enabled": bool(n % 2)}
            for n, _ in enumerate(chosen, random.randint(0, 1))
        ]
        if len(chosen) == 1:
            answer = client.patch(f"{reverse(LIST)}{keys[chosen[0]]}/", bodies[0], format="json")
        else:
            many = [{"id": keys[path], **body} for path, body in zip(chosen, bodies, strict=True)]
            answer = client.patch(reverse(LIST), many, format="json")
        told[str(answer.status_code)] += 1
        if answer.status_code == 200:
            accepted |= {path: [b["time_limit"], b["enabled"]] for path, b in zip(chosen, bodies, strict=True)}
        elif answer.status_code != 503:
            told[f"answer: {answer.content[:300]}"] += 1
    told["accepted"] = accepted


def saves(mine, end, told):
    """Save rows of core's, several in one transaction, as a script does."""
    said = {}
    while time.time() < end:
        # In the order in which core refreshes them: two that save many in orders of their own need no registry for it.
        chosen = sorted(random.sample(mine, MANY))
        words = {path: f"Words {random.random()}" for path in chosen}
        try:
            with transaction.atomic():
                for path, text in words.items():
                    module, _, name = path.rpartition(".")
                    job = Job.objects.get(module_name=module, job_class_name=name)
                    job.description, job.description_override = text, True
                    job.save()
            told["done"] += 1
            said |= words
        except DatabaseError as error:
            told[f"failed: {type(error).__name__}: {str(error)[:200]}"] += 1
    told["said"] = said


def refreshes(mine, end, told):
    """Have core refresh its rows, as a migration does."""
    while time.time() < end:
        try:
            refresh_job_models(sender=None, apps=apps)
            told["done"] += 1
        except DatabaseError as error:
            told[f"failed: {type(error).__name__}: {str(error)[:200]}"] += 1


def syncs(mine, end, told):
    """Have core refresh its rows and reconcile in one transaction, as a Git sync does."""
    while time.time() < end:
        try:
            with transaction.atomic():
                refresh_job_models(sender=None, apps=apps)
                # The sync goes on, whatever the registry does.
                with suppress(DatabaseError):
                    reconcile("local", trigger="git_sync", reload=False)
                    told["reconciled"] += 1
            told["done"] += 1
        except DatabaseError as error:
            told[f"failed: {type(error).__name__}: {str(error)[:200]}"] += 1


WORK = {"reconciles": reconciles, "edits": edits, "saves": saves, "refreshes": refreshes, "syncs": syncs}


def work(role, mine, begin, seconds, answers):
    """Wait for the others, and work."""
    random.seed()
    told = Counter()
    begin.wait()
    WORK[role](mine, time.time() + seconds, told)
    answers.put({"role": role, **told})


def main(seconds, roles):
    """Start a process for each role, with connections of its own: Nautobot is set up once for all of them.

    Core is left the jobs of JOBS_ROOT only, so that its refresh takes a moment and not seconds.
    """
    for path in [path for path in registry["jobs"] if not path.startswith("jobs_")]:
        del registry["jobs"][path]
    connections.close_all()
    context = multiprocessing.get_context("fork")
    begin, answers = context.Event(), context.Queue()
    processes = [
        context.Process(target=work, args=(role, mine, begin, seconds, answers), daemon=True) for role, mine in roles
    ]
    for process in processes:
        process.start()
    begin.set()
    for _ in processes:
        print(json.dumps(answers.get(timeout=seconds + 120)), flush=True)


if __name__ == "__main__":
    main(float(sys.argv[1]), json.loads(sys.argv[2]))
