"""URLs of the job registry's REST API."""

from nautobot.apps.api import OrderedDefaultRouter

from nautobot_job_registry.api import views

router = OrderedDefaultRouter(view_name="Job Registry")
router.register("registered-jobs", views.RegisteredJobViewSet)
router.register("job-revisions", views.JobRevisionViewSet)
router.register("field-overrides", views.FieldOverrideViewSet)
router.register("load-errors", views.JobLoadErrorViewSet)
router.register("job-runs", views.JobRunViewSet)
router.register("job-schedules", views.JobScheduleViewSet)
router.register("reconciliations", views.ReconciliationViewSet)
router.register("suspensions", views.SuspensionViewSet)

app_name = "nautobot_job_registry-api"
urlpatterns = router.urls
