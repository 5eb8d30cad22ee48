"""`/ui/submit…`: jobs of every type, by a form or as a text."""

import inspect
import uuid
from collections.abc import Mapping, Sequence
from functools import lru_cache

from flask import Blueprint, abort, flash, jsonify, redirect, request
from flask.typing import ResponseReturnValue

from app.api.http.forms import spec_schema
from app.api.http.site import services
from app.api.jobyard.schemas import NewJob
from app.api.tork.faults import Invalid
from app.domain.errors import UnknownJobType
from app.domain.records import Json, Scope
from app.hooks import JobInterface
from app.web.doings import note
from app.web.frame import Page, page, show
from app.web.submitting import filling, forms, texts, wishes
from app.web.submitting.forms import Field
from app.web.submitting.shapes import Kind, Shape
from app.web.submitting.wishes import WORKFLOW, Wish
from app.web.visitors import visitor
from config.settings import Settings

SUBMIT = Page("Submit", "/ui/submit", "Work", Scope.SUBMIT)
AROUND = ("name", "description", "tags", "priority")
EXAMPLE = """\
name: my first workflow
description: counts, then says how far
tasks:
  - name: count
    var: found
    run: |
      seq 1 5 | tee /dev/stderr | wc -l > "$TORK_OUTPUT"
  - name: tell
    env:
      FOUND: "{{ trim(tasks.found) }}"
    run: echo "there are $FOUND numbers"
    retry:
      limit: 2
output: "{{ trim(tasks.found) }} numbers"
"""


def mount(blueprint: Blueprint, _settings: Settings) -> Sequence[Page]:
    """Put the pages on a blueprint."""

    @page(blueprint, SUBMIT.path, Scope.SUBMIT)
    def types() -> ResponseReturnValue:
        if job_id := request.args.get("again"):
            name, _ = wishes.again(services(), job_id)
            return redirect(f"{SUBMIT.path}/{name}?again={job_id}", 303)
        return show("submit/types.html", SUBMIT.path, types=_types())

    @page(blueprint, f"{SUBMIT.path}/check", Scope.SUBMIT, method="POST")
    def check() -> ResponseReturnValue:
        name, text = request.form.get("type", ""), _text()
        if name == WORKFLOW:
            found = wishes.faults_of_workflow(services(), text)
        else:
            found = wishes.faults_of_text(services(), _interface(name), text)
        return jsonify(faults=[fault._asdict() for fault in found])

    @page(blueprint, f"{SUBMIT.path}/<name>", Scope.SUBMIT)
    def begin(name: str) -> ResponseReturnValue:
        interface, wish = _interface(name), None
        if job_id := request.args.get("again"):
            kind, wish = wishes.again(services(), job_id)
            if kind != name:
                return redirect(f"{SUBMIT.path}/{kind}?again={job_id}", 303)
        if name == WORKFLOW:
            text = wishes.as_workflow(wish) if wish else EXAMPLE
            faults = wishes.faults_of_workflow(services(), text) if wish else []
            return _editor(text, faults, again=wish is not None)
        return _begun(_Sheet(interface), wish)

    @page(blueprint, f"{SUBMIT.path}/<name>", Scope.SUBMIT, method="POST")
    def submit(name: str) -> ResponseReturnValue:
        interface = _interface(name)
        return _submit_workflow() if name == WORKFLOW else _go_on(_Sheet(interface))

    return [SUBMIT]


class _Sheet:
    """A form under way. typed: what stands in it, by path. mode: `form` or `text`."""

    def __init__(self, interface: JobInterface) -> None:
        self.interface = interface
        schema = spec_schema(interface.spec_schema)
        self.shape = Shape.of(schema, schema)
        self.can_be_form = self.shape.kind is Kind.GROUP
        self.around_shape = Shape.of(_around(), _around())
        self.mode = "form" if self.can_be_form else "text"
        self.text = ""
        self.said = ""
        self.faults: dict[str, str] = {}
        self.lines: list[texts.Fault] = []
        self.key = uuid.uuid4().hex
        self.form: Field
        self.around: Field

    def fill(self, typed: Mapping[str, str]) -> None:
        """Put in what was typed."""
        self.form = forms.typed(self.shape, "spec", typed)
        self.around = forms.typed(self.around_shape, "job", typed)

    def shown(self, status: int = 200) -> ResponseReturnValue:
        """Give the page as it stands."""
        interface = self.interface
        page = show(
            "submit/form.html",
            SUBMIT.path,
            type=_about(interface),
            sheet=self,
            example=_example(self.shape) if self.mode == "text" else "",
            open_ended=self.shape.schema.get("additionalProperties") is True,
        )
        return page, status


def _begun(sheet: _Sheet, wish: Wish | None) -> ResponseReturnValue:
    typed = filling.begun(sheet.shape, "spec")
    if wish is None:
        sheet.fill(typed)
        return sheet.shown()
    anew = dict.fromkeys(texts.masks(wish.spec), texts.TYPE_ANEW)
    around = filling.flat(sheet.around_shape, wish.around, "job")
    try:
        typed = filling.flat(sheet.shape, texts.without_masks(wish.spec), "spec")
    except filling.Unfit:
        sheet.mode, typed = "text", {}
    sheet.fill({**typed, **around})
    if sheet.mode == "text":
        sheet.text = texts.written(wish.spec)
        sheet.lines = texts.placed(sheet.text, [f"{path}: {said}" for path, said in anew.items()])
    else:
        forms.blame(sheet.form, anew)
    sheet.said = "Filled in from an earlier job."
    if anew:
        sheet.said += " Its secrets are not shown to anybody: type them anew."
    return sheet.shown()


def _go_on(sheet: _Sheet) -> ResponseReturnValue:
    typed = {name: _plain(text) for name, text in request.form.items()}
    sheet.mode = "text" if typed.get("mode") == "text" or not sheet.can_be_form else "form"
    sheet.text, sheet.key = typed.get("text", ""), typed.get("key", "")[:64]
    sheet.fill(typed)
    wanted, _, path = typed.get("do", "").partition(":")
    if wanted == "add":
        sheet.fill(filling.added(sheet.around, filling.added(sheet.form, typed, path), path))
    elif wanted == "remove":
        sheet.fill(filling.removed(typed, path))
    elif wanted in ("text", "form"):
        _turn(sheet, wanted, typed)
    else:
        return _submit(sheet)
    return sheet.shown()


def _turn(sheet: _Sheet, mode: str, typed: Mapping[str, str]) -> None:
    """Go over to the text, or back to the form; stay where something would be lost."""
    if mode == sheet.mode or not sheet.can_be_form:
        return
    if mode == "text":
        given = forms.value(sheet.form)
        sheet.text = texts.written(given) if given else ""
        sheet.mode = mode
        return
    try:
        given = texts.read_object(sheet.text) if sheet.text.strip() else {}
        around = {name: text for name, text in typed.items() if not name.startswith("spec")}
        sheet.fill({**around, **filling.flat(sheet.shape, given, "spec")})
    except Invalid as error:
        sheet.lines = texts.placed(sheet.text, error.faults)
    except filling.Unfit as error:
        path = error.path.removeprefix("spec").lstrip(".")
        told = [f"{path}: The form has no field for this."]
        sheet.lines = texts.placed(sheet.text, told)
    else:
        sheet.mode = mode


def _submit(sheet: _Sheet) -> ResponseReturnValue:
    around = forms.value(sheet.around)
    faults = forms.blame(sheet.around, wishes.faults_around(around))
    wrong = bool(faults) or any(one.faults for one in sheet.around.every())
    spec: Json = {}
    if sheet.mode == "text":
        try:
            spec = texts.read_object(sheet.text) if sheet.text.strip() else {}
            sheet.lines = wishes.faults_of_text(services(), sheet.interface, sheet.text or "{}")
        except Invalid as error:
            sheet.lines = texts.placed(sheet.text, error.faults)
    else:
        spec = forms.value(sheet.form)
        found = wishes.faults_of_spec(services(), sheet.interface, spec)
        faults |= forms.blame(sheet.form, found)
        wrong = wrong or bool(found) or any(one.faults for one in sheet.form.every())
    sheet.faults = faults
    if wrong or sheet.lines:
        return sheet.shown(400)
    name = sheet.interface.name
    wish = Wish(spec, around)
    job = wishes.submit(services(), name, wish, key=sheet.key, by=visitor().name)
    return _done(job, name)


def _submit_workflow() -> ResponseReturnValue:
    text = _text()
    faults = wishes.faults_of_workflow(services(), text)
    if faults:
        return _editor(text, faults), 400
    key = request.form.get("key", "")[:64]
    made, is_schedule = wishes.submit_workflow(services(), text, key=key, by=visitor().name)
    if is_schedule:
        note("schedule.create", made["id"], name=made.get("name", ""))
        flash("The schedule is made.")
        return redirect(f"/ui/schedules/{made['id']}", 303)
    return _done(made, WORKFLOW)


def _done(job: Json, name: str) -> ResponseReturnValue:
    note("job.submit", job["id"], type=name)
    flash("The job is submitted.")
    return redirect(f"/ui/jobs/{job['id']}", 303)


def _editor(text: str, faults: Sequence[texts.Fault], *, again: bool = False) -> str:
    return show(
        "submit/workflow.html",
        SUBMIT.path,
        type=_about(_interface(WORKFLOW)),
        text=text,
        lines_found=faults,
        key=uuid.uuid4().hex,
        again=again,
    )


def _interface(name: str) -> JobInterface:
    try:
        return services().plugins.interface(name)
    except UnknownJobType:
        abort(404)


def _types() -> list[Json]:
    interfaces = services().plugins.interfaces
    return sorted(map(_about, interfaces.values()), key=lambda one: str(one["title"]).lower())


def _about(interface: JobInterface) -> Json:
    """Tell people what a job type is, and where it comes from."""
    found = [one for one in services().plugins.found if interface.name in one.job_types]
    told = inspect.cleandoc(type(interface).__dict__.get("__doc__") or "")
    sentence = " ".join(told.partition("\n\n")[0].split()).partition(". ")[0]
    return {
        "name": interface.name,
        "title": interface.title or interface.name,
        "description": f"{sentence.rstrip('.')}." if sentence else "",
        "package": found[0].distribution if found else "",
        "version": found[0].version if found else "",
        "plugin": found[0].name if found else "",
    }


def _example(shape: Shape) -> str:
    if shape.kind is not Kind.GROUP:
        return ""
    return "".join(f"{name}: …\n" for name in sorted(shape.required))


@lru_cache(maxsize=1)
def _around() -> Json:
    given = spec_schema(NewJob)["properties"]
    return {"type": "object", "properties": {name: given[name] for name in AROUND}}


def _text() -> str:
    return _plain(request.form.get("text", ""))


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\0", "\ufffd")
