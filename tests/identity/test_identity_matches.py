import fnmatch
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muelle.core import PrincipalId
from muelle.identity import PRESETS, SCOPES, Principal, Refused, Rule, Rules, explain, matches
from muelle.identity.model import DEFAULT_TENANT, bounded

TEXT = st.text(alphabet="ab[?.\n", max_size=8)
PATTERN = st.text(alphabet="ab[?.\n*", max_size=8)


def reference(pattern: str, resource: str) -> bool:
    """Ask fnmatch, with all of its wildcards but `*` escaped."""
    escaped = re.sub(r"([\[?])", r"[\1]", pattern)
    return re.match(fnmatch.translate(escaped), resource) is not None


@given(PATTERN, TEXT)
def test_a_pattern_matches_as_fnmatch_has_it_with_stars_alone(pattern: str, resource: str) -> None:
    assert matches(pattern, resource) == reference(pattern, resource)


@given(PATTERN, PATTERN, st.lists(TEXT, max_size=4))
def test_a_pattern_that_covers_another_covers_all_that_the_other_covers(
    held: str, given_away: str, fillings: list[str]
) -> None:
    if matches(held, given_away):
        for filling in fillings:
            assert matches(held, given_away.replace("*", filling))


@given(PATTERN, PATTERN)
def test_a_pattern_that_does_not_cover_another_misses_something_of_it(held: str, given_away: str) -> None:
    witness = given_away.replace("*", "z")  # a letter that no pattern here has
    assert matches(held, given_away) == matches(held, witness)


@given(st.lists(st.tuples(st.sampled_from(["s:a", "s:b", "*"]), PATTERN.filter(bool)), max_size=5), TEXT)
def test_the_index_of_rules_agrees_with_trying_each(rules: list[tuple[str, str]], resource: str) -> None:
    index = Rules(Rule(scope, pattern) for scope, pattern in rules)
    expected = any(scope in {"s:a", "*"} and matches(pattern, resource) for scope, pattern in rules)
    assert index.allow("s:a", resource) == expected


def test_matching_takes_linear_time() -> None:
    assert not matches("*a" * 200 + "b", "a" * 100_000)


def test_no_rules_allow_nothing() -> None:
    assert not any(Rules().allow(scope, "*") for scope in SCOPES)


def test_the_scope_star_covers_every_scope_but_no_scope_covers_it() -> None:
    assert Rules([Rule("*", "a*")]).allow("apis:call", "ab")
    assert not Rules([Rule("apis:call", "*")]).allow("*", "ab")


@pytest.mark.parametrize("preset", PRESETS)
def test_no_preset_opens_apis_hosts_credentials_or_everything(preset: str) -> None:
    rules = Rules(PRESETS[preset])
    scopes = [*(scope for scope in SCOPES if scope.split(":")[0] in {"apis", "hosts", "credentials", "tenants"}), "*"]
    assert len(scopes) == 7
    assert not any(rules.allow(scope, "anything") for scope in scopes)


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_name_only_scopes_that_exist(preset: str) -> None:
    assert {rule.scope for rule in PRESETS[preset]} <= set(SCOPES)


def principal(*rules: Rule) -> Principal:
    return Principal(PrincipalId("agent_1"), "agent", "bot", DEFAULT_TENANT, Rules(rules))


def test_a_refusal_names_scope_and_resource() -> None:
    with pytest.raises(Refused) as refused:
        principal().require("apis:call", "crm GET /contacts")
    assert refused.value.facts == {"scope": "apis:call", "resource": "crm GET /contacts"}


def test_an_explanation_names_the_rule_that_decides() -> None:
    rule = Rule("apis:call", "crm GET *")
    explanation = explain(principal(Rule("apis:call", "erp *"), rule), "apis:call", "crm GET /contacts")
    assert explanation.allowed
    assert explanation.rule == rule


def test_an_explanation_of_a_refusal_names_the_nearest_rule_of_the_scope() -> None:
    near, far, other = Rule("apis:call", "crm GET *"), Rule("apis:call", "erp *"), Rule("tools:call", "crm POST *")
    explanation = explain(principal(far, near, other), "apis:call", "crm POST /contacts")
    assert not explanation.allowed
    assert explanation.rule is None
    assert explanation.nearest == near


def test_an_explanation_without_a_rule_of_the_scope_names_none() -> None:
    explanation = explain(principal(Rule("tools:call", "*")), "apis:call", "crm GET /")
    assert (explanation.allowed, explanation.rule, explanation.nearest) == (False, None, None)


def test_an_agents_limit_holds_within_its_tenants() -> None:
    merged = bounded({"operations": 100, "runs": 5}, {"operations": 500, "bytes": 7})
    assert merged == {"operations": 100, "runs": 5, "bytes": 7}
