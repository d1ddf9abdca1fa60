"""The rule book: which value of which rule holds on a day for an organisation; and loading the fixtures."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from courses.archive.completion import YearRules
from courses.archive.errors import RuleMissing
from courses.archive.hours import HoursRule
from courses.archive.rule_values import Measure, Tier, Value, parse_value
from courses.archive.spans import PlayRules

__all__ = ["Chosen", "RuleBook", "load_fixture", "load_when_migrated"]

CAPPED_MODES = ("CENTRAL_OFFLINE", "CENTRAL_ONLINE", "COLLECTIVE")
"""Modes that count whole unless a rule `<MODE>_CAP_<PRESET>` is added; SELF_ONLINE always has one."""

FIXTURES = Path(__file__).parent / "fixtures"


@dataclass(frozen=True)
class Chosen:
    """A rule that was found: its value, and the version to copy into the result."""

    code: str
    value: Value
    version: str

    def decimal(self) -> Decimal:
        if not isinstance(self.value, Decimal):
            raise TypeError(f"{self.version} is not a number")
        return self.value


@dataclass(frozen=True)
class _Row:
    code: str
    unit: str
    text: str
    version: str
    effective_from: date
    scope_path: str


class RuleBook:
    """The rules in force on one day. One query loads it; questions cost none.

    For an organisation the rule of the nearest organisation above it wins; among rules of the
    same organisation the one that took effect last.
    """

    def __init__(self, rows: Iterable[_Row], on: date) -> None:
        self.on = on
        self._rows: dict[str, list[_Row]] = {}
        for row in rows:
            self._rows.setdefault(row.code, []).append(row)

    @classmethod
    def load(cls, on: date) -> RuleBook:
        """The rules in force on the day `on` (Asia/Shanghai), from the database."""
        from courses.archive.models import Rule

        # Plain values: the page of every member asks for them, and forty models cost as much as the page.
        kept = Rule.objects.in_force(on).values_list(
            "code", "unit", "value", "effective_from", "revision", "scope_org__path"
        )
        return cls(
            (
                _Row(code, unit, text, Rule.version_of(code, since, revision), since, path or "")
                for code, unit, text, since, revision, path in kept
            ),
            on,
        )

    def find(self, code: str, path: str = "") -> Chosen:
        """The rule `code` for the organisation at tree path `path` ("" = nowhere in particular).

        Raises RuleMissing when none is in force.
        """
        fitting = [row for row in self._rows.get(code, ()) if path.startswith(row.scope_path)]
        if not fitting:
            raise RuleMissing(f"{code} on {self.on}")
        row = max(fitting, key=lambda one: (len(one.scope_path), one.effective_from))
        return Chosen(code, parse_value(row.unit, row.text), row.version)

    def find_if(self, code: str, path: str = "") -> Chosen | None:
        """As `find`; None where there is no such rule in force."""
        try:
            return self.find(code, path)
        except RuleMissing:
            return None

    def _number(self, code: str, path: str) -> Decimal:
        return self.find(code, path).decimal()

    def play_rules(self, path: str = "") -> PlayRules:
        """The rules of watching (domain.md §1.7) for a member of the organisation at `path`."""
        return PlayRules(
            beat_s=int(self._number("PLAY_BEAT", path)),
            tolerance_ms=round(self._number("PLAY_TOLERANCE", path) * 1000),
            speed_cap=float(self._number("PLAY_SPEED_CAP", path)),
            gap_ms=round(self._number("PLAY_GAP", path) * 1000),
            complete_at=str(self._number("PLAY_COMPLETE_AT", path)),
            strict_seek=self.find("PLAY_SEEK", path).value == "STRICT",
            clock_slack_ms=round(self._number("PLAY_CLOCK_SLACK", path) * 1000),
            offline_max_s=int(self._number("PLAY_OFFLINE_MAX", path)),
            hidden_audio_counts=bool(self.find("PLAY_HIDDEN_AUDIO", path).value),
            after_speed_cap=float(self._number("PLAY_SPEED_CAP_AFTER", path)),
        )

    def hours_rule(self, path: str = "") -> HoursRule:
        """How the published length of a lesson becomes study hours (domain.md §1.3)."""
        name = self.find("HOURS_RULE", path)
        chosen = self.find(str(name.value), path)
        if isinstance(chosen.value, tuple):
            bonus = self.find("TEST_BONUS", path).decimal()
            tiers = tuple(one for one in chosen.value if isinstance(one, Tier))
            return HoursRule(code=chosen.code, version=chosen.version, tiers=tiers, test_bonus=bonus)
        return HoursRule(
            code=chosen.code,
            version=chosen.version,
            seconds_per_hour=chosen.decimal(),
            step=self.find("HOURS_STEP", path).decimal(),
        )

    def alternatives(self, code: str, path: str = "") -> tuple[Measure, ...]:
        """A requirement as its alternatives, e.g. REQ_DEV_OBJECT: 3 DAYS or 24 HOURS (requirements.py)."""
        chosen = self.find(code, path).value
        if isinstance(chosen, tuple) and all(isinstance(one, Measure) for one in chosen):
            return tuple(one for one in chosen if isinstance(one, Measure))
        raise TypeError(f"{code} is no requirement with alternatives")

    def cadre_modes(self, path: str = "") -> frozenset[str]:
        """Modes whose hours count to the online hours of cadres (REQ_CADRE_ONLINE; domain.md §1.2)."""
        modes = (*CAPPED_MODES, "SELF_ONLINE")
        return frozenset(mode for mode in modes if self.find(f"CADRE_ONLINE_{mode}", path).value)

    def year_rules(self, path: str = "") -> YearRules:
        """What a member of the organisation at `path` has to reach in a year (domain.md §1.1, §1.2, §1.6)."""
        preset = str(self.find("PRESET", path).value)
        suffix = preset.upper().replace("-", "_")
        capped = {mode: self.find_if(f"{mode}_CAP_{suffix}", path) for mode in CAPPED_MODES}
        return YearRules(
            member_hours=self._number("REQ_MEMBER_32", path),
            leader_hours=self._number("REQ_LEADER_56", path),
            leader_central_times=int(self._number("REQ_LEADER_CENTRAL", path)),
            self_online_cap=self._number(f"SELF_ONLINE_CAP_{suffix}", path),
            online_class_is_central=bool(self.find(f"ONLINE_CLASS_IS_CENTRAL_{suffix}", path).value),
            caps={mode: cap.decimal() for mode, cap in capped.items() if cap is not None},
            at_risk_share=self._number("AT_RISK_SHARE", path),
            prorate_joiners=self.find("JOINERS", path).value == "PRORATE",
            preset=preset,
        )


def load_fixture(name: str = "rules_2026.json") -> int:
    """Add the rules of a fixture that are not there yet; how many were added.

    A row is known by code and first day, so that loading again changes nothing that an
    administrator edited, and next year's file only adds.
    """
    from courses.archive.models import Rule

    added = 0
    for row in json.loads((FIXTURES / name).read_text(encoding="utf-8")):
        known = {"code": row["code"], "effective_from": row["effective_from"], "scope_org": None}
        rest = {key: value for key, value in row.items() if key not in known}
        _rule, fresh = Rule.objects.get_or_create(**known, defaults=rest)
        added += fresh
    return added


def load_when_migrated(sender: Any, **kwargs: Any) -> None:
    """Receiver of post_migrate: every installation has the rules without a further step."""
    load_fixture()
