"""URLs of the job registry's REST API."""

from nautobot.apps.api import OrderedDefaultRouter

from nautobot_job_registry.api.views import field_override, reconciliation, records, registered_job, suspension

router = OrderedDefaultRouter(view_name="Job Registry")
router.register("registered-jobs", registered_job.RegisteredJobViewSet)
router.register("job-revisions", records.JobRevisionViewSet)
router.register("field-overrides", field_override.FieldOverrideViewSet)
router.register("load-errors", records.JobLoadErrorViewSet)
router.register("job-runs", records.JobRunViewSet)
router.register("job-schedules", records.JobScheduleViewSet)
router.register("reconciliations", reconciliation.ReconciliationViewSet)
router.register("suspensions", suspension.SuspensionViewSet)

app_name = "nautobot_job_registry-api"
urlpatterns = router.urls
