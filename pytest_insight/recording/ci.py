"""Facts that a CI service gives in the environment, under the same names for each service.

The variables are those of the services' own documentation of predefined variables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple


class Service(NamedTuple):
    """One CI service.

    Attributes:
        name: ours for it.
        sign: the variable that shows that it is this one.
        run_id, job, attempt, branch: variables, the first one that is set counts.
        url: from the variables to the run's address.
    """

    name: str
    sign: str
    run_id: tuple[str, ...]
    job: tuple[str, ...]
    attempt: tuple[str, ...]
    branch: tuple[str, ...]
    url: Callable[[Mapping[str, str]], str]


def _variable(name: str) -> Callable[[Mapping[str, str]], str]:
    return lambda env: env.get(name, "")


def _joined(template: str, *needed: str) -> Callable[[Mapping[str, str]], str]:
    return lambda env: template.format_map(env) if all(env.get(name) for name in needed) else ""


SERVICES = (
    Service(
        "github",
        "GITHUB_ACTIONS",
        ("GITHUB_RUN_ID",),
        ("GITHUB_JOB",),
        ("GITHUB_RUN_ATTEMPT",),
        ("GITHUB_HEAD_REF", "GITHUB_REF_NAME"),
        _joined(
            "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}",
            "GITHUB_SERVER_URL",
            "GITHUB_REPOSITORY",
            "GITHUB_RUN_ID",
        ),
    ),
    Service(
        "gitlab",
        "GITLAB_CI",
        ("CI_PIPELINE_ID",),
        ("CI_JOB_NAME",),
        (),
        ("CI_COMMIT_REF_NAME",),
        _variable("CI_JOB_URL"),
    ),
    Service(
        "circleci",
        "CIRCLECI",
        ("CIRCLE_WORKFLOW_ID",),
        ("CIRCLE_JOB",),
        (),
        ("CIRCLE_BRANCH",),
        _variable("CIRCLE_BUILD_URL"),
    ),
    Service(
        "azure",
        "TF_BUILD",
        ("BUILD_BUILDID",),
        ("AGENT_JOBNAME",),
        ("SYSTEM_JOBATTEMPT",),
        ("SYSTEM_PULLREQUEST_SOURCEBRANCH", "BUILD_SOURCEBRANCHNAME"),
        _joined(
            "{SYSTEM_COLLECTIONURI}{SYSTEM_TEAMPROJECT}/_build/results?buildId={BUILD_BUILDID}",
            "SYSTEM_COLLECTIONURI",
            "SYSTEM_TEAMPROJECT",
            "BUILD_BUILDID",
        ),
    ),
    Service(
        "buildkite",
        "BUILDKITE",
        ("BUILDKITE_BUILD_ID",),
        ("BUILDKITE_LABEL", "BUILDKITE_JOB_ID"),
        ("BUILDKITE_RETRY_COUNT",),
        ("BUILDKITE_BRANCH",),
        _variable("BUILDKITE_BUILD_URL"),
    ),
    Service(
        "bitbucket",
        "BITBUCKET_BUILD_NUMBER",
        ("BITBUCKET_BUILD_NUMBER",),
        ("BITBUCKET_STEP_UUID",),
        (),
        ("BITBUCKET_BRANCH",),
        _joined(
            "https://bitbucket.org/{BITBUCKET_REPO_FULL_NAME}/pipelines/results/"
            "{BITBUCKET_BUILD_NUMBER}",
            "BITBUCKET_REPO_FULL_NAME",
        ),
    ),
    Service(
        "teamcity",
        "TEAMCITY_VERSION",
        ("BUILD_NUMBER",),
        ("TEAMCITY_BUILDCONF_NAME",),
        (),
        (),
        _variable("BUILD_URL"),
    ),
    Service(
        "travis",
        "TRAVIS",
        ("TRAVIS_BUILD_ID",),
        ("TRAVIS_JOB_NAME", "TRAVIS_JOB_ID"),
        (),
        ("TRAVIS_PULL_REQUEST_BRANCH", "TRAVIS_BRANCH"),
        _variable("TRAVIS_BUILD_WEB_URL"),
    ),
    Service(
        "jenkins",
        "JENKINS_URL",
        ("BUILD_ID", "BUILD_NUMBER"),
        ("JOB_NAME",),
        (),
        ("CHANGE_BRANCH", "BRANCH_NAME", "GIT_BRANCH"),
        _variable("BUILD_URL"),
    ),
)


def ci_facts(environment: Mapping[str, str]) -> dict[str, str]:
    """What the CI service says: `provider`, `run_id`, `job`, `attempt`, `url`, `branch`.

    Facts that are not given are left out; outside of CI there are none.
    """
    for service in SERVICES:
        if environment.get(service.sign):
            facts = {
                "provider": service.name,
                "run_id": _first(environment, service.run_id),
                "job": _first(environment, service.job),
                "attempt": _first(environment, service.attempt),
                "url": service.url(environment),
                "branch": _first(environment, service.branch),
            }
            return {name: value for name, value in facts.items() if value}
    return {}


def _first(environment: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((environment[name] for name in names if environment.get(name)), "")
