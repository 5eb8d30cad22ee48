"""`/ui/clusters`: job clusters, and their jobs, stages, SLA and cron."""

from collections.abc import Callable, Sequence

from flask import Blueprint, abort, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue

from app.api.http import sse
from app.api.http.fanout import Wanted
from app.api.http.site import services
from app.api.jobyard import query
from app.api.mantis import definitions
from app.api.mantis.definitions import POLICIES
from app.api.mantis.errors import Refused
from app.api.mantis.service import actions, jobs, sla, submits, workers
from app.api.mantis.service import clusters as service
from app.api.mantis.tables import DIALECT
from app.domain.events import EventKind
from app.domain.records import Json, Scope
from app.web import addresses, clusters
from app.web.doings import note
from app.web.frame import Page, page, show
from app.web.live import Args, Parts, View, offer
from app.web.sinks import Outputs
from app.web.visitors import Visitor, visitor
from config.settings import Settings

CLUSTERS = Page("Clusters", "/ui/clusters", "Services")
CLUSTER = f"{CLUSTERS.path}/<name>"
KILLED = "killed on the page of its cluster"
SCALED = "scaled on the page of its cluster"
CHANGES = frozenset(kind for kind in EventKind if not kind.startswith("worker."))


def mount(blueprint: Blueprint, settings: Settings) -> Sequence[Page]:
    """Put the pages on a blueprint."""
    if not settings.mantis.enabled:
        return []
    _mount_showing(blueprint)
    _mount_asking(blueprint)
    _mount_doing(blueprint)
    wanted = Wanted(dialect=DIALECT, kinds=CHANGES)
    offer(blueprint, "clusters", View(_draw_list, lambda _args: wanted))
    offer(blueprint, "cluster", View(_draw_one, lambda _args: wanted))
    return [CLUSTERS]


def _draw_list(args: Args, _who: Visitor) -> Parts:
    found = clusters.listed(services(), args)
    return {"clusters": render_template("ui/clusters/list.html", **found)}


def _draw_one(args: Args, who: Visitor) -> Parts:
    found = clusters.shown(services(), query.clean(args.get("name", "")), who)
    return {
        "cluster": render_template("ui/clusters/one.html", **found),
        "past": render_template("ui/clusters/past.html", **found),
    }


def _who() -> str:
    return visitor().name or "anybody"


def _home(name: str) -> str:
    return CLUSTERS.path + addresses.path(name)


def _mount_showing(blueprint: Blueprint) -> None:
    outputs = Outputs()

    @page(blueprint, CLUSTERS.path)
    def list_clusters() -> ResponseReturnValue:
        return show(
            "clusters/index.html", CLUSTERS.path, **clusters.listed(services(), request.args)
        )

    @page(blueprint, CLUSTER)
    def get_cluster(name: str) -> ResponseReturnValue:
        found = clusters.shown(services(), query.clean(name), visitor())
        return show("clusters/cluster.html", CLUSTERS.path, home=_home(name), **found)

    @page(blueprint, f"{CLUSTER}/output")
    def follow_output(name: str) -> ResponseReturnValue:
        return sse.answer(outputs.of_cluster(query.clean(name)))


def _mount_asking(blueprint: Blueprint) -> None:
    """Mount the forms."""

    def form(path: str, template: str, words: Callable[[str], Json], needs: Scope) -> None:
        def ask(name: str) -> ResponseReturnValue:
            return _form(template, query.clean(name), words(query.clean(name)))

        ask.__name__ = f"ask_to_{path}"
        page(blueprint, f"{CLUSTER}/{path}", needs)(ask)

    form("submit", "submit.html", lambda _name: {}, Scope.SUBMIT)
    form("sla", "sla.html", lambda _name: {}, Scope.CONTROL)
    form("scale", "scale.html", lambda _name: _stage(), Scope.CONTROL)


def _form(template: str, name: str, words: Json, fault: str = "") -> str:
    one = service.get(services(), name)
    given = {**words, **{key: value for key, value in request.form.items() if key in words}}
    return show(
        f"clusters/{template}",
        CLUSTERS.path,
        cluster=one,
        home=_home(name),
        policies=POLICIES,
        fault=fault,
        form=request.form,
        **given,
    )


def _stage() -> Json:
    """Give the stage that is to be scaled. Raises Missing."""
    name, number = query.clean(request.values.get("job", "")), request.values.get("stage", "")
    found = jobs.active(services(), name)
    stage = found.about["stages"].get(number)
    if stage is None:
        abort(404)
    return {"job": name, "stage": number, "count": stage["numberOfInstances"]}


def _mount_doing(blueprint: Blueprint) -> None:
    def action(path: str, do: Callable[[str], str], needs: Scope, template: str = "") -> None:
        def act(name: str) -> ResponseReturnValue:
            name = query.clean(name)
            try:
                said = do(name)
            except Refused as error:
                if not template or error.status == 404:
                    raise
                words = _stage() if path == "scale" else {}
                return _form(template, name, words, str(error)), error.status
            note(f"cluster.{path}", name, **_facts())
            flash(said)
            return redirect(_home(name), 303)

        act.__name__ = f"do_{path}"
        page(blueprint, f"{CLUSTER}/{path}", needs, method="POST")(act)

    action("submit", _submit, Scope.SUBMIT, "submit.html")
    action("sla", _change_sla, Scope.CONTROL, "sla.html")
    action("scale", _scale, Scope.CONTROL, "scale.html")
    action("kill", _kill, Scope.CONTROL)
    action("enable", lambda name: _switch(name, on=True), Scope.CONTROL)
    action("disable", lambda name: _switch(name, on=False), Scope.CONTROL)


def _facts() -> dict[str, str]:
    names = ("job", "stage", "workers", "min", "max", "cron", "version")
    return {name: request.form[name][:200] for name in names if request.form.get(name)}


def _whole(name: str) -> int | None:
    """Read a number of a form; None where it is none, which is for the service to refuse."""
    return query.whole(request.form.get(name, "").strip())


def _submit(name: str) -> str:
    given: Json = {"name": name, "user": _who()}
    if version := query.clean(request.form.get("version", "")):
        given["version"] = version
    lines = query.clean(request.form.get("parameters", "")).splitlines()
    pairs = [line.partition("=") for line in lines if line.strip()]
    given["parameters"] = [{"name": key.strip(), "value": value} for key, _, value in pairs]
    done = submits.submit(services(), definitions.wanted(given))
    sla.enforce(services(), name)
    return f"{done.name} is submitted."


def _change_sla(name: str) -> str:
    cron = query.clean(request.form.get("cron", "")).strip()
    wanted = {
        "name": name,
        "user": _who(),
        "min": _whole("min") or 0,
        "max": _whole("max") or 0,
        "cronspec": cron or None,
        "cronpolicy": request.form.get("policy") or None,
    }
    if cron:
        # A bad text is refused here: elsewhere it would disable the cluster.
        definitions.cron_of(cron, service.moment(services()))
    actions.update_sla(services(), actions.asked(name, wanted))
    return "The SLA is changed."


def _scale(name: str) -> str:
    job, stage, count = query.clean(request.form.get("job", "")), _whole("stage"), _whole("workers")
    wanted = {"JobId": job, "StageNumber": stage, "NumWorkers": count, "User": _who()}
    _require_of(name, job)
    workers.scale(services(), job, {**wanted, "Reason": SCALED})
    return f"Stage {stage} of {job} is to have {count} workers."


def _require_of(name: str, job: str) -> None:
    if jobs.active(services(), job).cluster != name:
        abort(404)


def _kill(name: str) -> str:
    job = query.clean(request.form.get("job", ""))
    _require_of(name, job)
    jobs.kill(services(), job, _who(), KILLED)
    return f"{job} is killed."


def _switch(name: str, *, on: bool) -> str:
    asked = actions.asked(name, {"name": name, "user": _who()})
    (actions.enable if on else actions.disable)(services(), asked)
    return f"{name} is {'enabled' if on else 'disabled; its jobs are killed'}."
