"""The nightly look for duplicates starts its own program, in pods to which no service sends calls."""

import importlib.util

from services.customers.candidate.settings import CandidateSettings
from tests.k8s.test_manifests import BASE, LOCAL, component, of_kind, resources, settings_of


def test_duplicates_are_looked_for_by_pods_of_their_own() -> None:
    everything = resources(LOCAL)
    [job] = component("duplicates")
    template = job["spec"]["jobTemplate"]["spec"]["template"]
    [container] = template["spec"]["containers"]
    assert importlib.util.find_spec(f"{container['command'][-1]}.__main__") is not None
    said = settings_of(container, everything) | {one["name"]: one["value"] for one in container["env"]}
    known = {name.removeprefix("RUNDBLICK_").lower(): value for name, value in said.items()}
    taken = {name: value for name, value in known.items() if name in CandidateSettings.model_fields}
    assert CandidateSettings.model_validate(taken).database == "rundblick_customers"
    assert {"mongo_uri", "database", "linkage_memory"} <= taken.keys()
    labels = template["metadata"]["labels"]
    for name in of_kind("Service", everything).keys() & {folder.name for folder in BASE.iterdir()}:
        # As the kustomization of its base selects them.
        assert labels["app.kubernetes.io/name"] != name
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["resources"]["limits"]["memory"]
