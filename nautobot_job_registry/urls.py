"""URLs of the job registry's pages."""

from django.templatetags.static import static
from django.urls import path
from django.views.generic import RedirectView
from nautobot.apps.urls import NautobotUIViewSetRouter

from nautobot_job_registry import views
from nautobot_job_registry.views.dashboard import DashboardView
from nautobot_job_registry.views.reconcile_now import PlanPartView, ReconcileNowView

app_name = "nautobot_job_registry"

router = NautobotUIViewSetRouter()
router.register("registered-jobs", views.RegisteredJobUIViewSet)
router.register("job-revisions", views.JobRevisionUIViewSet)
router.register("field-overrides", views.FieldOverrideUIViewSet)
router.register("load-errors", views.JobLoadErrorUIViewSet)
router.register("job-runs", views.JobRunUIViewSet)
router.register("job-schedules", views.JobScheduleUIViewSet)
router.register("reconciliations", views.ReconciliationUIViewSet)
router.register("suspensions", views.SuspensionUIViewSet)

urlpatterns = [
    path("docs/", RedirectView.as_view(url=static("nautobot_job_registry/docs/index.html")), name="docs"),
    path("dashboard/", DashboardView.as_view(), name="dashboard"),
    path("reconcile/", ReconcileNowView.as_view(), name="reconcile_now"),
    path("reconcile/plans/<str:digest>/", PlanPartView.as_view(), name="reconcile_now_part"),
    *router.urls,
]
