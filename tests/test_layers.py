"""The staircase of shared/house.md, where import-linter cannot see: foreign keys written as strings."""

import os

from django.apps import apps

from portal.settings.environment import ROOT

STOREYS = ["people", "media_pipeline|search", "courses", "archive", "reports", "portal"]


def storey(label: str) -> int | None:
    """How high the app with this label stands; None for apps that are not ours."""
    for height, names in enumerate(STOREYS):
        if label in names.split("|"):
            return height
    return None


def test_every_room_of_ours_has_a_storey():
    ours = {
        config.label
        for config in apps.get_app_configs()
        if config.name.split(".")[0] in {"people", "media_pipeline", "search", "courses", "reports", "portal"}
    }
    assert ours == {label for names in STOREYS for label in names.split("|")}


def test_relations_go_down_the_staircase_only():
    seen, wrong = 0, []
    for model in apps.get_models(include_auto_created=True):
        here = storey(model._meta.app_label)
        for field in model._meta.get_fields():
            if here is None or not field.is_relation or field.auto_created or field.related_model is None:
                continue
            there = storey(field.related_model._meta.app_label)
            if there is None or field.related_model._meta.app_label == model._meta.app_label:
                continue
            seen += 1
            if there >= here:
                wrong.append(f"{model._meta.label}.{field.name} → {field.related_model._meta.label}")
    assert wrong == []
    assert seen > 0, "no relation between rooms was looked at: the walk is broken"


def test_no_drawer_without_a_subject():
    drawers = {"utils.py", "helpers.py", "common.py", "misc.py"}
    walked, found = 0, []
    for top in ("site", "courses", "media_pipeline", "search", "tests"):
        for folder, below, names in os.walk(ROOT / top):
            if "node_modules" in below:
                below.remove("node_modules")
            walked += len(names)
            found += [f"{folder}/{name}" for name in names if name in drawers]
    assert found == []
    assert walked > 100, "hardly a file was looked at: the walk is broken"
