"""Facts about CI builds, from the variables that each service documents."""

from __future__ import annotations

import pytest

from pytest_insight.recording.facts.ci import SERVICES, ci_facts
from tests.recording.runs import last_session, run

COMMIT = "1a2b3c4d5e" * 4
GITHUB = {
    "GITHUB_SHA": COMMIT,
    "CI": "true",
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "octo/shop",
    "GITHUB_RUN_ID": "1658821493",
    "GITHUB_RUN_NUMBER": "3",
    "GITHUB_RUN_ATTEMPT": "2",
    "GITHUB_JOB": "tests",
    "GITHUB_REF_NAME": "feature/pay",
    "GITHUB_REF_TYPE": "branch",
    "GITHUB_HEAD_REF": "",
}
GITLAB = {
    "CI_COMMIT_SHA": COMMIT,
    "CI": "true",
    "GITLAB_CI": "true",
    "CI_PIPELINE_ID": "2701",
    "CI_JOB_ID": "9001",
    "CI_JOB_NAME": "unit tests",
    "CI_JOB_URL": "https://gitlab.com/octo/shop/-/jobs/9001",
    "CI_COMMIT_REF_NAME": "feature/pay",
    "CI_COMMIT_BRANCH": "feature/pay",
}
CIRCLECI = {
    "CIRCLE_SHA1": COMMIT,
    "CI": "true",
    "CIRCLECI": "true",
    "CIRCLE_WORKFLOW_ID": "8d4f",
    "CIRCLE_JOB": "build",
    "CIRCLE_BUILD_NUM": "17",
    "CIRCLE_BUILD_URL": "https://circleci.com/gh/octo/shop/17",
    "CIRCLE_BRANCH": "feature/pay",
}
AZURE = {
    "BUILD_SOURCEVERSION": COMMIT,
    "TF_BUILD": "True",
    "BUILD_BUILDID": "42",
    "BUILD_SOURCEBRANCH": "refs/heads/feature/pay",
    "BUILD_SOURCEBRANCHNAME": "pay",
    "AGENT_JOBNAME": "__default",
    "SYSTEM_JOBDISPLAYNAME": "Unit tests",
    "SYSTEM_JOBATTEMPT": "1",
    "SYSTEM_COLLECTIONURI": "https://dev.azure.com/octo/",
    "SYSTEM_TEAMPROJECT": "Web Shop",
}
BUILDKITE = {
    "BUILDKITE_COMMIT": COMMIT,
    "CI": "true",
    "BUILDKITE": "true",
    "BUILDKITE_BUILD_ID": "4735ba57",
    "BUILDKITE_BUILD_URL": "https://buildkite.com/octo/shop/builds/1514",
    "BUILDKITE_LABEL": ":pytest: tests",
    "BUILDKITE_JOB_ID": "e44f9784",
    "BUILDKITE_RETRY_COUNT": "0",
    "BUILDKITE_BRANCH": "feature/pay",
    "BUILDKITE_PULL_REQUEST": "false",
    "BUILDKITE_TAG": "",
}
BITBUCKET = {
    "BITBUCKET_COMMIT": COMMIT,
    "CI": "true",
    "BITBUCKET_BUILD_NUMBER": "88",
    "BITBUCKET_STEP_UUID": "{3b0}",
    "BITBUCKET_STEP_RUN_NUMBER": "1",
    "BITBUCKET_REPO_FULL_NAME": "octo/shop",
    "BITBUCKET_BRANCH": "feature/pay",
}
TEAMCITY = {
    "BUILD_VCS_NUMBER": COMMIT,
    "TEAMCITY_VERSION": "2026.1 (build 1)",
    "TEAMCITY_PROJECT_NAME": "Shop",
    "TEAMCITY_BUILDCONF_NAME": "Unit tests",
    "BUILD_NUMBER": "512",
    "BUILD_URL": "https://teamcity.example.com/build/90210",
}
TRAVIS = {
    "TRAVIS_COMMIT": COMMIT,
    "CI": "true",
    "TRAVIS": "true",
    "TRAVIS_BUILD_ID": "1111",
    "TRAVIS_JOB_ID": "2222",
    "TRAVIS_JOB_NAME": "",
    "TRAVIS_BUILD_WEB_URL": "https://app.travis-ci.com/octo/shop/builds/1111",
    "TRAVIS_BRANCH": "feature/pay",
    "TRAVIS_PULL_REQUEST": "false",
    "TRAVIS_PULL_REQUEST_BRANCH": "",
    "TRAVIS_TAG": "",
}
JENKINS = {
    "GIT_COMMIT": COMMIT,
    "JENKINS_URL": "https://jenkins.example.com/",
    "BUILD_ID": "153",
    "BUILD_NUMBER": "153",
    "BUILD_URL": "https://jenkins.example.com/job/shop/153/",
    "JOB_NAME": "shop",
    "GIT_BRANCH": "origin/feature/pay",
}

PUSHES = {
    "github": (
        GITHUB,
        {
            "commit": COMMIT,
            "provider": "github",
            "run_id": "1658821493",
            "job": "tests",
            "attempt": "2",
            "url": "https://github.com/octo/shop/actions/runs/1658821493",
            "branch": "feature/pay",
        },
    ),
    "gitlab": (
        GITLAB,
        {
            "commit": COMMIT,
            "provider": "gitlab",
            "run_id": "2701",
            "job": "unit tests",
            "url": "https://gitlab.com/octo/shop/-/jobs/9001",
            "branch": "feature/pay",
        },
    ),
    "circleci": (
        CIRCLECI,
        {
            "commit": COMMIT,
            "provider": "circleci",
            "run_id": "8d4f",
            "job": "build",
            "url": "https://circleci.com/gh/octo/shop/17",
            "branch": "feature/pay",
        },
    ),
    "azure": (
        AZURE,
        {
            "commit": COMMIT,
            "provider": "azure",
            "run_id": "42",
            "job": "Unit tests",
            "attempt": "1",
            "url": "https://dev.azure.com/octo/Web%20Shop/_build/results?buildId=42",
            "branch": "feature/pay",
        },
    ),
    "buildkite": (
        BUILDKITE,
        {
            "commit": COMMIT,
            "provider": "buildkite",
            "run_id": "4735ba57",
            "job": ":pytest: tests",
            "attempt": "1",
            "url": "https://buildkite.com/octo/shop/builds/1514",
            "branch": "feature/pay",
        },
    ),
    "bitbucket": (
        BITBUCKET,
        {
            "commit": COMMIT,
            "provider": "bitbucket",
            "run_id": "88",
            "job": "{3b0}",
            "attempt": "1",
            "url": "https://bitbucket.org/octo/shop/pipelines/results/88",
            "branch": "feature/pay",
        },
    ),
    "teamcity": (
        TEAMCITY,
        {
            "commit": COMMIT,
            "provider": "teamcity",
            "run_id": "512",
            "job": "Unit tests",
            "url": "https://teamcity.example.com/build/90210",
        },
    ),
    "travis": (
        TRAVIS,
        {
            "commit": COMMIT,
            "provider": "travis",
            "run_id": "1111",
            "job": "2222",
            "url": "https://app.travis-ci.com/octo/shop/builds/1111",
            "branch": "feature/pay",
        },
    ),
    "jenkins": (
        JENKINS,
        {
            "commit": COMMIT,
            "provider": "jenkins",
            "run_id": "153",
            "job": "shop",
            "url": "https://jenkins.example.com/job/shop/153/",
            "branch": "feature/pay",
        },
    ),
}

PULL_REQUESTS = {
    "github": GITHUB | {"GITHUB_HEAD_REF": "feature/pay", "GITHUB_REF_NAME": "12/merge"},
    "gitlab": GITLAB
    | {
        "CI_COMMIT_BRANCH": "",
        "CI_COMMIT_REF_NAME": "refs/merge-requests/59/head",
        "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "feature/pay",
        "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
    },
    "circleci": CIRCLECI,
    "azure": AZURE
    | {
        "BUILD_SOURCEBRANCH": "refs/pull/1/merge",
        "BUILD_SOURCEBRANCHNAME": "merge",
        "SYSTEM_PULLREQUEST_SOURCEBRANCH": "refs/heads/feature/pay",
    },
    "azure, code at GitHub": AZURE
    | {
        "BUILD_SOURCEBRANCH": "refs/pull/1/merge",
        "SYSTEM_PULLREQUEST_SOURCEBRANCH": "feature/pay",
    },
    "buildkite": BUILDKITE
    | {"BUILDKITE_PULL_REQUEST": "12", "BUILDKITE_PULL_REQUEST_BASE_BRANCH": "main"},
    "bitbucket": BITBUCKET | {"BITBUCKET_PR_ID": "12", "BITBUCKET_PR_DESTINATION_BRANCH": "main"},
    "travis": TRAVIS
    | {
        "TRAVIS_PULL_REQUEST": "12",
        "TRAVIS_BRANCH": "main",
        "TRAVIS_PULL_REQUEST_BRANCH": "feature/pay",
    },
    "jenkins": JENKINS
    | {"BRANCH_NAME": "PR-12", "CHANGE_ID": "12", "CHANGE_BRANCH": "feature/pay"},
}

TAGS = {
    "github": GITHUB | {"GITHUB_REF_TYPE": "tag", "GITHUB_REF_NAME": "v1.0"},
    "gitlab": GITLAB
    | {"CI_COMMIT_TAG": "v1.0", "CI_COMMIT_REF_NAME": "v1.0", "CI_COMMIT_BRANCH": ""},
    "circleci": CIRCLECI | {"CIRCLE_TAG": "v1.0", "CIRCLE_BRANCH": ""},
    "azure": AZURE | {"BUILD_SOURCEBRANCH": "refs/tags/v1.0", "BUILD_SOURCEBRANCHNAME": "v1.0"},
    "buildkite": BUILDKITE | {"BUILDKITE_TAG": "v1.0", "BUILDKITE_BRANCH": "v1.0"},
    "bitbucket": BITBUCKET | {"BITBUCKET_TAG": "v1.0", "BITBUCKET_BRANCH": ""},
    "travis": TRAVIS | {"TRAVIS_TAG": "v1.0", "TRAVIS_BRANCH": "v1.0"},
    "jenkins": JENKINS | {"TAG_NAME": "v1.0", "BRANCH_NAME": "v1.0"},
}


def test_every_service_has_its_case() -> None:
    assert {service.name for service in SERVICES} == set(PUSHES)
    assert len(SERVICES) == 9


@pytest.mark.parametrize(("given", "said"), PUSHES.values(), ids=PUSHES)
def test_a_build_of_a_branch(given: dict[str, str], said: dict[str, str]) -> None:
    assert ci_facts(given) == said


@pytest.mark.parametrize("given", PULL_REQUESTS.values(), ids=PULL_REQUESTS)
def test_a_build_of_a_pull_request_has_the_branch_it_comes_from(given: dict[str, str]) -> None:
    assert ci_facts(given)["branch"] == "feature/pay"


@pytest.mark.parametrize("given", TAGS.values(), ids=TAGS)
def test_a_build_of_a_tag_has_no_branch(given: dict[str, str]) -> None:
    facts = ci_facts(given)
    assert "branch" not in facts
    assert facts["run_id"]


def test_a_commit_is_a_full_hash() -> None:
    for value in ("HEAD", "", "1a2b3c4", "g" * 40):
        assert "commit" not in ci_facts(BUILDKITE | {"BUILDKITE_COMMIT": value})
    assert ci_facts(BUILDKITE | {"BUILDKITE_COMMIT": "a" * 64})["commit"] == "a" * 64


def test_a_retried_job_counts_from_one_whatever_the_service_counts_from() -> None:
    assert ci_facts(BUILDKITE | {"BUILDKITE_RETRY_COUNT": "2"})["attempt"] == "3"
    assert ci_facts(BITBUCKET | {"BITBUCKET_STEP_RUN_NUMBER": "3"})["attempt"] == "3"
    assert ci_facts(AZURE | {"SYSTEM_JOBATTEMPT": "3"})["attempt"] == "3"


@pytest.mark.parametrize(
    "given",
    [{}, {"CI": "true"}, {"GITHUB_ACTIONS": ""}, {"TRAVIS": "false"}, {"BUILD_NUMBER": "1"}],
    ids=str,
)
def test_without_a_service_there_is_nothing(given: dict[str, str]) -> None:
    assert ci_facts(given | {"GITHUB_RUN_ID": "1", "BRANCH_NAME": "main"}) == {}


@pytest.mark.parametrize("given", [given for given, _ in PUSHES.values()], ids=PUSHES)
def test_a_service_that_gives_nothing_else_is_named(given: dict[str, str]) -> None:
    sign = next(s.sign for s in SERVICES if given.get(s.sign))
    assert ci_facts({sign: given[sign]})["provider"] == ci_facts(given)["provider"]


def test_a_recorded_run_has_the_facts(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    for service in SERVICES:
        monkeypatch.delenv(service.sign, raising=False)
    for name, value in GITHUB.items():
        monkeypatch.setenv(name, value)
    pytester.makepyfile("def test_it(): pass")
    run(pytester, "--insight")
    assert last_session().testing_system["ci"] == PUSHES["github"][1]
