"""Whether stored arguments still fit the inputs of a job."""

from nautobot_job_registry.engine.arguments import argument_problems


def variable(name, required=True):
    return {"name": name, "type": "StringVar", "label": "", "required": required, "default": None}


def problems(variables, stored):
    return [(problem.kind.value, problem.argument) for problem in argument_problems(variables, stored)]


def test_arguments_that_fit_are_no_problem():
    assert problems([variable("site"), variable("note", required=False)], {"site": "1", "note": None}) == []


def test_argument_that_no_longer_exists_is_unknown():
    assert problems([variable("site")], {"site": "1", "zone": "2", "area": "3"}) == [
        ("unknown", "area"),
        ("unknown", "zone"),
    ]


def test_required_argument_that_is_not_stored_is_missing():
    assert problems([variable("site"), variable("note", required=False)], {}) == [("missing", "site")]
    assert problems([variable("site")], None) == [("missing", "site")]
    assert problems([variable("site")], {"site": None}) == [("missing", "site")]


def test_each_problem_says_what_the_next_run_does():
    unknown, missing = argument_problems([variable("site")], {"zone": 1})
    assert "the value is ignored" in unknown.message
    assert "the run fails" in missing.message
