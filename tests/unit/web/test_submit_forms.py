"""Forms made of JSON Schemas: which fields there are, what they stand for, what is said of them."""

import pytest
from marshmallow import Schema, fields, validate

from app.api.http.forms import spec_schema
from app.api.jobyard.errors import BadRequest
from app.web.submitting import filling, forms
from app.web.submitting.shapes import Kind, Shape


class Mount(Schema):
    type = fields.String(required=True, validate=validate.OneOf(["volume", "bind"]))
    target = fields.String(required=True)
    deep = fields.List(fields.Integer())


class Login(Schema):
    user = fields.String(required=True)
    word = fields.String(required=True, metadata={"secret": True})
    ready = fields.Boolean(load_default=True)


class Everything(Schema):
    run = fields.String(required=True, metadata={"description": "A script."})
    image = fields.String(validate=validate.Length(max=100))
    count = fields.Integer(required=True, validate=validate.Range(0, 9))
    share = fields.Float(load_default=0.5)
    loud = fields.Boolean(load_default=True)
    maybe = fields.Boolean()
    colour = fields.String(validate=validate.OneOf(["red", "blue"]))
    level = fields.Integer(validate=validate.OneOf([1, 2, 3]))
    api_token = fields.String()
    env = fields.Dict(keys=fields.String(), values=fields.String())
    slots = fields.Dict(keys=fields.String(), values=fields.Integer())
    words = fields.List(fields.String())
    mounts = fields.List(fields.Nested(Mount))
    login = fields.Nested(Login, allow_none=True, load_default=None)
    whatever = fields.Raw()


SCHEMA = spec_schema(Everything)
SHAPE = Shape.of(SCHEMA, SCHEMA)
FULL = {
    "run": "a\nb",
    "image": "x",
    "count": 3,
    "share": 0.25,
    "loud": False,
    "maybe": True,
    "colour": "blue",
    "level": 2,
    "api_token": "tok",
    "env": {"A": "1", "B.C": ""},
    "slots": {"a": 2},
    "words": ["x", "", "y"],
    "mounts": [{"type": "bind", "target": "/a", "deep": [1, 2]}, {"type": "volume", "target": "b"}],
    "login": {"user": "u", "word": "w", "ready": False},
    "whatever": {"a": [1, None, "b"]},
}


def place(form, at):
    return next(one for one in form.every() if one.at == at)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("run", Kind.LONG),
        ("image", Kind.TEXT),
        ("count", Kind.WHOLE),
        ("share", Kind.NUMBER),
        ("loud", Kind.FLAG),
        ("colour", Kind.CHOICE),
        ("level", Kind.CHOICE),
        ("api_token", Kind.SECRET),
        ("env", Kind.MAP),
        ("words", Kind.LIST),
        ("mounts", Kind.LIST),
        ("login", Kind.GROUP),
        ("whatever", Kind.ANY),
    ],
)
def test_each_part_of_a_schema_becomes_a_field(name, kind):
    assert SHAPE.fields[name].kind is kind


def test_required_fields_come_first_and_say_what_they_take():
    form = forms.typed(SHAPE, "spec", {})
    assert [one.name for one in form.below[:2]] == ["count", "run"]
    assert place(form, "run").help == "A script."
    assert place(form, "count").limits == {"step": 1, "min": 0, "max": 9}
    assert place(form, "share").default == "0.5"
    assert place(form, "level").choices == ["1", "2", "3"]
    assert place(form, "login.word").kind is Kind.SECRET


def test_what_was_typed_stands_for_what_it_was_made_of():
    typed = filling.flat(SHAPE, FULL, "spec")
    assert forms.value(forms.typed(SHAPE, "spec", typed)) == FULL


def test_an_untouched_form_asks_for_nothing_beyond_what_is_usual():
    form = forms.typed(SHAPE, "spec", filling.begun(SHAPE, "spec"))
    assert forms.value(form) == {"loud": True}


@pytest.mark.parametrize(
    ("path", "text", "told"),
    [
        ("count", "three", "three"),
        ("count", "9" * 30, "9" * 30),
        ("share", "nan", "nan"),
        ("share", "1e999", "1e999"),
        ("share", "3", 3),
        ("level", "7", "7"),
        ("maybe", "perhaps", "perhaps"),
    ],
)
def test_what_cannot_be_read_is_passed_on_as_it_was_typed(path, text, told):
    form = forms.typed(SHAPE, "spec", {f"spec.{path}": text, "spec.loud": "yes"})
    assert forms.value(form) == {path: told, "loud": True}
    assert place(form, path).text == text


def test_a_text_that_is_neither_json_nor_yaml_is_said_at_its_field():
    form = forms.typed(SHAPE, "spec", {"spec.whatever": "{a: ["})
    forms.value(form)
    assert place(form, "whatever").faults == ["neither JSON nor YAML"]


def test_rows_come_and_go_and_the_rest_stays():
    typed = filling.flat(SHAPE, FULL, "spec")
    form = forms.typed(SHAPE, "spec", typed)
    more = forms.value(
        forms.typed(SHAPE, "spec", filling.added(form, typed, "spec.mounts[0].deep"))
    )
    assert more["mounts"][0]["deep"] == [1, 2, ""]
    less = forms.value(forms.typed(SHAPE, "spec", filling.removed(typed, "spec.mounts[0]")))
    assert less["mounts"] == FULL["mounts"][1:]
    assert less["words"] == FULL["words"]
    fewer = forms.value(forms.typed(SHAPE, "spec", filling.removed(typed, "spec.env[0]")))
    assert fewer["env"] == {"B.C": ""}


@pytest.mark.parametrize(
    "path", ["", "spec", "spec.env", "spec.env[9", "spec.none[0]", "[]", "a[-1]"]
)
def test_rows_that_are_not_there_change_nothing(path):
    typed = filling.flat(SHAPE, FULL, "spec")
    assert filling.removed(typed, path) == typed
    assert filling.added(forms.typed(SHAPE, "spec", typed), typed, f"{path}!") == typed


def test_a_form_beyond_all_measure_is_refused():
    typed = {"spec.mounts.#": "500"}
    typed |= {f"spec.mounts[{row}].deep.#": "500" for row in range(500)}
    with pytest.raises(BadRequest, match="at most"):
        forms.typed(SHAPE, "spec", typed)
    few = forms.typed(SHAPE, "spec", {"spec.words.#": "99999999999"})
    assert place(few, "words").below == []


@pytest.mark.parametrize(
    ("path", "at", "said"),
    [
        ("count", "count", "bad"),
        ("env.B.C.value", "env.B.C", "bad"),
        ("env.A.key", "env.A", "bad"),
        ("mounts[1].target", "mounts[1].target", "bad"),
        ("mounts[1].none", "mounts[1]", "none: bad"),
        ("login.word", "login.word", "bad"),
    ],
)
def test_faults_stand_at_their_fields(path, at, said):
    form = forms.typed(SHAPE, "spec", filling.flat(SHAPE, FULL, "spec"))
    assert forms.blame(form, {path: "bad"}) == {}
    assert place(form, at).faults == [said]
    assert sum(len(one.faults) for one in form.every()) == 1


def test_a_fault_of_nothing_in_the_form_is_kept():
    form = forms.typed(SHAPE, "spec", {})
    assert forms.blame(form, {"": "all bad", "unknown": "bad"}) == {"": "all bad", "unknown": "bad"}


@pytest.mark.parametrize(
    "value",
    [
        {"unknown": 1},
        {"count": "three"},
        {"count": True},
        {"image": "two\nlines"},
        {"words": "text"},
        {"words": [None]},
        {"login": ["u"]},
        {"loud": "yes"},
        {"words": ["x"] * 501},
        "text",
    ],
)
def test_a_value_that_fits_no_form_is_told(value):
    with pytest.raises(filling.Unfit):
        filling.flat(SHAPE, value, "spec")


class Tree(Schema):
    name = fields.String()
    left = fields.Nested("Tree")
    rest = fields.List(fields.Nested("Tree"))


def test_a_shape_within_itself_ends_as_text():
    schema = spec_schema(Tree)
    form = forms.typed(Shape.of(schema, schema), "spec", {})
    kinds = [one.kind for one in form.every()]
    assert Kind.ANY in kinds
    assert len(kinds) < 200


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object"},
        {"type": ["string", "integer"]},
        {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        {"$ref": "#/$defs/None"},
        {"enum": [{"a": 1}]},
        {"type": "array"},
        {"type": "object", "additionalProperties": {}},
    ],
)
def test_what_no_form_can_ask_for_is_typed_as_text(schema):
    assert Shape.of(schema, {"$defs": {}}).kind is Kind.ANY
