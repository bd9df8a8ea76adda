"""Read facts about a CI build from the environment, under the same names for all services.

The variables are those that each service documents as predefined. The `branch` is the one whose
code is tested: the source branch of a pull request, not the target or the service's merge
reference. The build of a tag has no branch.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from urllib.parse import quote

Environment = Mapping[str, str]
Fact = Callable[[Environment], str]


def _not_given(_env: Environment) -> str:
    """Return nothing: the service has no variable for the fact."""
    return ""


class Service:
    """One CI service.

    Attributes:
        name: the value of the fact `provider`.
        sign: the variable that only this service sets.
        run_id, job: variables; the first one that is set counts.
        attempt: returns how often the job was tried: 1, 2, ...
        url: returns the URL of the run.
        branch: returns the branch.
        commit: the variable with the hash of the commit that is built.
    """

    def __init__(
        self,
        *,
        name: str,
        sign: str,
        run_id: tuple[str, ...],
        job: tuple[str, ...],
        url: Fact,
        branch: Fact,
        commit: str,
        attempt: Fact = _not_given,
    ) -> None:
        self.name = name
        self.sign = sign
        self.run_id = run_id
        self.job = job
        self.url = url
        self.branch = branch
        self.commit = commit
        self.attempt = attempt


def ci_facts(environment: Environment) -> dict[str, str]:
    """Return `provider`, `run_id`, `job`, `attempt`, `url`, `branch` and `commit` of the CI build.

    Unknown facts are left out; outside CI the result is empty.
    """
    for service in SERVICES:
        if environment.get(service.sign, "").lower() not in ("", "false", "0"):
            facts = {
                "provider": service.name,
                "run_id": _first(*service.run_id)(environment),
                "job": _first(*service.job)(environment),
                "attempt": service.attempt(environment),
                "url": service.url(environment),
                "branch": service.branch(environment),
                "commit": _hash(environment.get(service.commit, "")),
            }
            return {name: value for name, value in facts.items() if value}
    return {}


def _hash(value: str) -> str:
    """Return a full hash, or "" for anything else: Buildkite may say "HEAD"."""
    return value if re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", value) else ""


def _first(*names: str) -> Fact:
    """Return a function for the first of the variables that is set."""
    return lambda env: next((env[name] for name in names if env.get(name)), "")


def _template(template: str, *needed: str) -> Fact:
    """Return a function that fills in a URL template, or returns "" if a variable is missing."""

    def join(env: Environment) -> str:
        if not all(env.get(name) for name in needed):
            return ""
        return template.format_map({name: quote(env[name], safe=":/") for name in needed})

    return join


def _unless_tag(branch: str, tag: str) -> Fact:
    """Return a function for a branch variable that holds the tag if a tag is built."""
    return lambda env: env.get(branch, "") if env.get(branch) != env.get(tag) else ""


def _github_branch(env: Environment) -> str:
    if env.get("GITHUB_HEAD_REF"):  # a pull request, whose GITHUB_REF_NAME is like 12/merge
        return env["GITHUB_HEAD_REF"]
    return env.get("GITHUB_REF_NAME", "") if env.get("GITHUB_REF_TYPE") != "tag" else ""


def _gitlab_branch(env: Environment) -> str:
    found = _first("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "CI_COMMIT_BRANCH")(env)
    if found or env.get("CI_COMMIT_TAG"):
        return found
    return env.get("CI_COMMIT_REF_NAME", "")


def _azure_branch(env: Environment) -> str:
    # Full references. BUILD_SOURCEBRANCHNAME has only the part after the last slash.
    reference = _first("SYSTEM_PULLREQUEST_SOURCEBRANCH", "BUILD_SOURCEBRANCH")(env)
    branch = reference.removeprefix("refs/heads/")
    return "" if branch.startswith("refs/") else branch


def _jenkins_branch(env: Environment) -> str:
    if env.get("TAG_NAME"):
        return ""
    # CHANGE_BRANCH is that of a pull request, whose BRANCH_NAME is like PR-12. GIT_BRANCH begins
    # with the remote.
    named = _first("CHANGE_BRANCH", "BRANCH_NAME", "GIT_LOCAL_BRANCH")(env)
    return named or env.get("GIT_BRANCH", "").removeprefix("origin/")


def _buildkite_attempt(env: Environment) -> str:
    count = env.get("BUILDKITE_RETRY_COUNT", "")  # 0 the first time
    return str(int(count) + 1) if count.isdecimal() else ""


SERVICES = (
    Service(
        name="github",
        sign="GITHUB_ACTIONS",
        run_id=("GITHUB_RUN_ID",),
        job=("GITHUB_JOB",),
        attempt=_first("GITHUB_RUN_ATTEMPT"),
        url=_template(
            "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}",
            "GITHUB_SERVER_URL",
            "GITHUB_REPOSITORY",
            "GITHUB_RUN_ID",
        ),
        branch=_github_branch,
        commit="GITHUB_SHA",
    ),
    Service(
        name="gitlab",
        sign="GITLAB_CI",
        run_id=("CI_PIPELINE_ID",),
        job=("CI_JOB_NAME",),
        url=_first("CI_JOB_URL"),
        branch=_gitlab_branch,
        commit="CI_COMMIT_SHA",
    ),
    Service(
        name="circleci",
        sign="CIRCLECI",
        run_id=("CIRCLE_WORKFLOW_ID",),
        job=("CIRCLE_JOB",),
        url=_first("CIRCLE_BUILD_URL"),
        branch=_first("CIRCLE_BRANCH"),
        commit="CIRCLE_SHA1",
    ),
    Service(
        name="azure",
        sign="TF_BUILD",
        run_id=("BUILD_BUILDID",),
        job=("SYSTEM_JOBDISPLAYNAME", "AGENT_JOBNAME"),
        attempt=_first("SYSTEM_JOBATTEMPT"),
        url=_template(
            "{SYSTEM_COLLECTIONURI}{SYSTEM_TEAMPROJECT}/_build/results?buildId={BUILD_BUILDID}",
            "SYSTEM_COLLECTIONURI",
            "SYSTEM_TEAMPROJECT",
            "BUILD_BUILDID",
        ),
        branch=_azure_branch,
        commit="BUILD_SOURCEVERSION",
    ),
    Service(
        name="buildkite",
        sign="BUILDKITE",
        run_id=("BUILDKITE_BUILD_ID",),
        job=("BUILDKITE_LABEL", "BUILDKITE_JOB_ID"),
        attempt=_buildkite_attempt,
        url=_first("BUILDKITE_BUILD_URL"),
        branch=_unless_tag("BUILDKITE_BRANCH", "BUILDKITE_TAG"),
        commit="BUILDKITE_COMMIT",
    ),
    Service(
        name="bitbucket",
        sign="BITBUCKET_BUILD_NUMBER",
        run_id=("BITBUCKET_BUILD_NUMBER",),
        job=("BITBUCKET_STEP_UUID",),
        attempt=_first("BITBUCKET_STEP_RUN_NUMBER"),
        url=_template(
            "https://bitbucket.org/{BITBUCKET_REPO_FULL_NAME}/pipelines/results/"
            "{BITBUCKET_BUILD_NUMBER}",
            "BITBUCKET_REPO_FULL_NAME",
            "BITBUCKET_BUILD_NUMBER",
        ),
        branch=_first("BITBUCKET_BRANCH"),
        commit="BITBUCKET_COMMIT",
    ),
    Service(
        name="teamcity",
        sign="TEAMCITY_VERSION",
        run_id=("BUILD_NUMBER",),
        job=("TEAMCITY_BUILDCONF_NAME",),
        url=_first("BUILD_URL"),
        branch=_not_given,  # git knows it: TeamCity checks out a branch
        commit="BUILD_VCS_NUMBER",
    ),
    Service(
        name="travis",
        sign="TRAVIS",
        run_id=("TRAVIS_BUILD_ID",),
        job=("TRAVIS_JOB_NAME", "TRAVIS_JOB_ID"),
        url=_first("TRAVIS_BUILD_WEB_URL"),
        # For a pull request, TRAVIS_BRANCH is the target.
        branch=lambda env: (
            env.get("TRAVIS_PULL_REQUEST_BRANCH") or _unless_tag("TRAVIS_BRANCH", "TRAVIS_TAG")(env)
        ),
        commit="TRAVIS_COMMIT",
    ),
    Service(
        name="jenkins",  # last: other services set BUILD_ID too
        sign="JENKINS_URL",
        run_id=("BUILD_ID", "BUILD_NUMBER"),
        job=("JOB_NAME",),
        url=_first("BUILD_URL"),
        branch=_jenkins_branch,
        commit="GIT_COMMIT",
    ),
)
