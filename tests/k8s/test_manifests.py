"""The manifests hang together: what they name exists, and every process is probed, limited and stopped gracefully."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from chassis.tls import IDENTITY

ROOT = Path(__file__).parents[2]
BASE = ROOT / "k8s" / "base"
LOCAL = ROOT / "k8s" / "overlays" / "local"
SERVICES = ("customers", "feedback", "metrics")
PROCESSES = (*SERVICES, "gateway")

Manifest = dict[str, Any]


def documents(path: Path) -> list[Manifest]:
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def resources(folder: Path) -> list[Manifest]:
    """Everything a kustomization brings together, followed into other folders; generated Secrets as Secrets."""
    [kustomization] = documents(folder / "kustomization.yaml")
    found: list[Manifest] = []
    for name in kustomization["resources"]:
        path = (folder / name).resolve()
        found += resources(path) if path.is_dir() else documents(path)
    for generator in kustomization.get("secretGenerator", ()):
        pairs = dict(literal.split("=", 1) for literal in generator["literals"])
        found.append({"kind": "Secret", "metadata": {"name": generator["name"]}, "stringData": pairs})
    return found


def component(name: str) -> list[Manifest]:
    return resources(ROOT / "k8s" / "components" / name)


def of_kind(kind: str, found: list[Manifest]) -> dict[str, Manifest]:
    return {each["metadata"]["name"]: each for each in found if each["kind"] == kind}


@pytest.fixture(scope="module")
def everything() -> list[Manifest]:
    return resources(LOCAL)


@pytest.fixture(params=PROCESSES)
def process(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def pod(process: str) -> Manifest:
    [deployment] = documents(BASE / process / "deployment.yaml")
    spec: Manifest = deployment["spec"]["template"]["spec"]
    return spec


@pytest.fixture
def container(pod: Manifest) -> Manifest:
    [container] = pod["containers"]
    assert isinstance(container, dict)
    return container


def settings_of(container: Manifest, found: list[Manifest]) -> dict[str, str]:
    """The environment the container starts with."""
    known = {"configMapRef": of_kind("ConfigMap", found), "secretRef": of_kind("Secret", found)}
    environment: dict[str, str] = {}
    for source in container["envFrom"]:
        for kind, reference in source.items():
            named = known[kind][reference["name"]]
            environment |= named.get("data") or named["stringData"]
    return environment


def test_every_file_belongs_to_a_kustomization() -> None:
    named = {
        (kustomization.parent / name).resolve()
        for kustomization in (ROOT / "k8s").rglob("kustomization.yaml")
        for name in documents(kustomization)[0]["resources"]
    }
    files = {path for path in (ROOT / "k8s").rglob("*.yaml") if path.name != "kustomization.yaml"}
    assert files <= named
    assert all(path.exists() for path in named)


def test_each_process_has_a_base_of_its_own() -> None:
    assert sorted(path.name for path in BASE.iterdir() if path.is_dir()) == sorted(PROCESSES)


def test_no_name_is_given_twice(everything: list[Manifest]) -> None:
    names = [(each["kind"], each["metadata"]["name"]) for each in everything]
    assert len(set(names)) == len(names)


def test_a_process_is_labelled_and_selected_by_its_own_name(process: str) -> None:
    [kustomization] = documents(BASE / process / "kustomization.yaml")
    [labels] = kustomization["labels"]
    assert labels["includeSelectors"] is True
    assert labels["pairs"]["app.kubernetes.io/name"] == process
    [budget] = documents(BASE / process / "disruption.yaml")
    assert budget["spec"]["selector"]["matchLabels"] == {"app.kubernetes.io/name": process}, "empty would mean all pods"


def test_what_a_container_reads_its_settings_from_exists(container: Manifest, everything: list[Manifest]) -> None:
    environment = settings_of(container, everything)
    assert all(name.startswith("RUNDBLICK_") for name in environment)
    assert all(isinstance(value, str) for value in environment.values()), "Kubernetes takes no numbers here"
    assert environment["RUNDBLICK_ENV"] == "production"


def test_production_is_what_the_base_says() -> None:
    [config] = documents(BASE / "config.yaml")
    assert config["data"]["RUNDBLICK_ENV"] == "production"


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_a_database_of_its_own(service: str, everything: list[Manifest]) -> None:
    environment = settings_of(
        of_kind("Deployment", everything)[service]["spec"]["template"]["spec"]["containers"][0], everything
    )
    assert environment["RUNDBLICK_DATABASE"] == f"rundblick_{service}"
    assert "replicaSet=" in environment["RUNDBLICK_MONGO_URI"]


def test_addresses_lead_to_headless_services_and_their_ports(container: Manifest, everything: list[Manifest]) -> None:
    services = of_kind("Service", everything)
    for name, value in settings_of(container, everything).items():
        if name.endswith("_ADDRESS") and name not in ("RUNDBLICK_LISTEN_ADDRESS", "RUNDBLICK_HEALTH_ADDRESS"):
            host, _, port = value.removeprefix("dns:///").partition(":")
            assert value.startswith("dns:///"), f"{name}: one address is one connection, and one pod gets all calls"
            assert services[host]["spec"]["clusterIP"] == "None"
            assert int(port) in [each["port"] for each in services[host]["spec"]["ports"]]


def test_a_container_listens_where_its_service_sends_to(
    process: str, container: Manifest, everything: list[Manifest]
) -> None:
    [service] = documents(BASE / process / "service.yaml")
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    environment = settings_of(container, everything)
    listens = environment.get("RUNDBLICK_LISTEN_ADDRESS") or (
        f"{environment['RUNDBLICK_HTTP_HOST']}:{environment['RUNDBLICK_HTTP_PORT']}"
    )
    for port in service["spec"]["ports"]:
        assert listens == f"0.0.0.0:{ports[port['targetPort']]}"


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_ready_with_its_database_and_alive_without(service: str, everything: list[Manifest]) -> None:
    [deployment] = documents(BASE / service / "deployment.yaml")
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    [port] = [each["containerPort"] for each in container["ports"] if each["name"] == "health"]
    # A probe has no certificate, so it asks where none is needed.
    assert settings_of(container, everything)["RUNDBLICK_HEALTH_ADDRESS"] == f"0.0.0.0:{port}"
    assert container["readinessProbe"]["grpc"] == {"port": port}
    for probe in ("startupProbe", "livenessProbe"):
        assert container[probe]["grpc"] == {"port": port, "service": "live"}


def test_the_gateway_is_probed_over_http() -> None:
    [deployment] = documents(BASE / "gateway" / "deployment.yaml")
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    assert container["readinessProbe"]["httpGet"]["path"] == "/health/ready"
    assert container["livenessProbe"]["httpGet"]["path"] == "/health/live"
    assert container["startupProbe"]["httpGet"]["path"] == "/health/live"


def test_a_process_reads_its_own_certificate(
    process: str, pod: Manifest, container: Manifest, everything: list[Manifest]
) -> None:
    [volume] = [each for each in pod["volumes"] if each["name"] == "tls"]
    assert volume["secret"] == {"secretName": f"{process}-tls", "defaultMode": 0o440}
    assert pod["securityContext"]["fsGroup"] == pod["securityContext"]["runAsGroup"], "else it may not read the files"
    [mount] = [each for each in container["volumeMounts"] if each["name"] == "tls"]
    assert mount["readOnly"] is True
    environment = settings_of(container, everything)
    named = {name: environment[f"RUNDBLICK_TLS_{name}"] for name in ("CERT", "KEY", "CA")}
    files = {"CERT": "tls.crt", "KEY": "tls.key", "CA": "ca.crt"}
    assert named == {name: f"{mount['mountPath']}/{file}" for name, file in files.items()}


def test_cert_manager_signs_who_each_process_is() -> None:
    found = component("cert-manager")
    certificates = of_kind("Certificate", found)
    authority = certificates.pop("rundblick-authority")
    assert certificates.keys() == {*PROCESSES, "router", "operator"}
    for name, certificate in certificates.items():
        spec = certificate["spec"]
        assert spec["secretName"] == f"{name}-tls"
        assert spec["uris"] == [f"{IDENTITY}{name}"]
        assert name in spec["dnsNames"], "as in the addresses of the others"
        assert {"server auth", "client auth"} <= set(spec["usages"]), "each process is both"
        assert int(spec["renewBefore"][:-1]) < int(spec["duration"][:-1])
    issuers = of_kind("Issuer", found)
    assert {each["spec"]["issuerRef"]["name"] for each in certificates.values()} == {"rundblick"}
    assert issuers["rundblick"]["spec"]["ca"]["secretName"] == authority["spec"]["secretName"]
    assert authority["spec"]["isCA"] is True
    assert authority["spec"]["issuerRef"]["name"] in issuers


def test_the_port_of_the_subgraphs_is_open_to_routers_alone() -> None:
    found = component("router")
    [port] = of_kind("Service", found)["gateway-subgraphs"]["spec"]["ports"]
    to_all, to_routers = of_kind("NetworkPolicy", found)["gateway-subgraphs"]["spec"]["ingress"]
    assert to_all == {"ports": [{"port": "http"}]}
    assert [each["port"] for each in to_routers["ports"]] == [port["targetPort"]]
    [allowed] = to_routers["from"]
    assert allowed["podSelector"]["matchLabels"] == {"rundblick.router": "true"}


def test_every_pod_runs_without_rights_it_does_not_need(everything: list[Manifest]) -> None:
    workloads = [each for each in everything if each["kind"] in ("Deployment", "StatefulSet", "Job")]
    assert len(workloads) == len(PROCESSES) + 2
    for workload in workloads:
        pod = workload["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["limits"]["memory"]
            assert {"cpu", "memory"} <= container["resources"]["requests"].keys()


def test_a_pod_is_given_the_time_its_process_takes_to_end(
    pod: Manifest, container: Manifest, everything: list[Manifest]
) -> None:
    environment = settings_of(container, everything)
    needed = float(environment["RUNDBLICK_DRAIN_SECONDS"]) + float(environment["RUNDBLICK_GRACE_SECONDS"])
    assert float(environment["RUNDBLICK_DRAIN_SECONDS"]) > 0, "endpoints take a moment to change"
    assert pod["terminationGracePeriodSeconds"] > needed


def test_a_pod_starts_its_own_process(process: str, container: Manifest) -> None:
    module = "gateway" if process == "gateway" else f"services.{process}"
    assert container["command"] == ["python", "-m", module]
