"""The resources of the LRS below /xapi/ (xAPI 1.0.3 Communication 2; IEEE 9274.1.1 §4.1.6)."""

from django.urls import path

from courses.archive.xapi import endpoints

app_name = "xapi"

urlpatterns = [
    path("statements", endpoints.statements_resource, name="statements"),
    path("activities/state", endpoints.activity_state, name="activity_state"),
    path("activities/profile", endpoints.activity_profile, name="activity_profile"),
    path("agents/profile", endpoints.agent_profile, name="agent_profile"),
    path("agents", endpoints.agents_resource, name="agents"),
    path("activities", endpoints.activities, name="activities"),
    path("about", endpoints.about, name="about"),
]
