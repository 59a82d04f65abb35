"""Settings that are not valid are refused at start."""

import pytest
from django.core.checks.registry import registry
from django.db import connection
from nautobot.extras.plugins.exceptions import PluginImproperlyConfigured

from nautobot_job_registry import NautobotJobRegistryConfig, checks


def test_defaults_are_valid():
    checks.validate_settings(checks.default_settings())


def test_unknown_setting_is_named_with_the_known_ones():
    with pytest.raises(PluginImproperlyConfigured, match=r"no setting 'reconcile_after'.*reconcile_after_git_sync"):
        NautobotJobRegistryConfig.validate({"reconcile_after": True}, "3.2.7")


def test_wrong_type_is_named():
    with pytest.raises(PluginImproperlyConfigured, match=r"reconcile_after_migrate.*'yes' is not of type 'boolean'"):
        NautobotJobRegistryConfig.validate({"reconcile_after_migrate": "yes"}, "3.2.7")


@pytest.mark.parametrize("days", [-1, 36501, True, "30", 1.5])
def test_days_of_retention_that_make_no_sense_are_refused(days):
    with pytest.raises(PluginImproperlyConfigured, match="reconciliation_retention_days"):
        NautobotJobRegistryConfig.validate({"reconciliation_retention_days": days}, "3.2.7")


def test_database_that_the_app_does_not_work_with_is_told(monkeypatch):
    assert checks.check_database in registry.get_checks()
    assert checks.check_database() == []
    for name, value in (("vendor", "mysql"), ("display_name", "MySQL")):
        monkeypatch.setattr(connection, name, value)
    (warning,) = checks.check_database()
    assert "PostgreSQL, and this Nautobot's database is MySQL" in warning.msg


@pytest.mark.parametrize("config", [None, [], ["reconcile_after_migrate"], "yes"])
def test_settings_that_are_no_dictionary_are_refused(config):
    with pytest.raises(PluginImproperlyConfigured, match=r"PLUGINS_CONFIG\[.*should be a dictionary of settings"):
        NautobotJobRegistryConfig.validate(config, "3.2.7")
