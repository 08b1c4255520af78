import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components.slice_report.analysis.data.schema_changes import schema_changes
from components.slice_report.facts import SchemaChange

AGE = 'feature { name: "age" type: INT presence { min_fraction: 1 min_count: 1 } int_domain { min: 0 max: 120 } }'
WORK = (
    'feature { name: "work" type: BYTES presence { min_count: 1 } '
    'string_domain { value: "Private" value: "State-gov" value: "Never-worked" } }'
)
BASE = f'default_environment: "TRAINING" default_environment: "SERVING" {AGE} {WORK}'


def parse(text):
    return text_format.Parse(text, schema_pb2.Schema())


def changes(before, after):
    return schema_changes(parse(before), parse(after))


def columns(before, after):
    """Of two bodies of one feature."""
    return changes(f'feature {{ name: "x" {before} }}', f'feature {{ name: "x" {after} }}')


def test_equal_schemas_have_no_changes():
    assert changes(BASE, BASE) == ()
    assert changes("", "") == ()


def test_the_order_of_columns_values_and_environments_does_not_matter():
    work = WORK.replace('value: "Private" value: "State-gov"', 'value: "State-gov" value: "Private"')
    assert changes(BASE, f'default_environment: "SERVING" default_environment: "TRAINING" {work} {AGE}') == ()
    one, two = ('not_in_environment: "A" not_in_environment: "B"', 'not_in_environment: "B" not_in_environment: "A"')
    assert columns(one, two) == ()


def test_added_and_removed_columns_are_described():
    added = 'feature { name: "city" type: FLOAT presence { min_fraction: 0.9 } float_domain { min: 0.1 } }'
    assert changes(BASE, f"{added} {AGE} {BASE.split('}', 1)[0][:0]}" + 'default_environment: "TRAINING" '
                   'default_environment: "SERVING"') == (
        SchemaChange("city", "", "FLOAT, required in 0.9 of the rows, ≥ 0.1"),
        SchemaChange("work", "BYTES, optional, 3 values", ""),
    )  # fmt: skip


def test_a_range_is_described_on_both_sides():
    assert changes(BASE, BASE.replace("120", "90")) == (
        SchemaChange("age", "INT, required, 0 … 120", "INT, required, 0 … 90"),
    )


def test_added_and_removed_values_are_named():
    after = BASE.replace('value: "Never-worked"', 'value: "<b>&\\"é" value: "Other"')
    (change,) = changes(BASE, after)
    assert change.before == "BYTES, optional, 3 values"
    assert change.after == "BYTES, optional, 4 values (added '<b>&\"é', 'Other'; removed 'Never-worked')"


def test_many_and_long_values_are_shortened_but_counted():
    values = " ".join(f'value: "{"v" * 10_000}{number:02d}"' for number in range(13))
    (change,) = columns('string_domain { value: "a" }', f'string_domain {{ value: "a" {values} }}')
    assert change.after.endswith(" and 3 more)")
    assert "14 values" in change.after
    assert len(change.after) < 1500


def test_a_value_that_is_twice_in_place_of_another_is_a_change():
    (change,) = columns(
        'string_domain { value: "a" value: "a" value: "b" }', 'string_domain { value: "a" value: "b" value: "b" }'
    )
    assert change.after == "TYPE_UNKNOWN, optional, 3 values (added 'b'; removed 'a')"


def test_a_shared_domain_is_read_through_the_columns_that_name_it():
    before = 'feature { name: "x" type: BYTES domain: "d" } string_domain { name: "d" value: "a" value: "b" }'
    (change,) = changes(before, before.replace('value: "b"', 'value: "c"'))
    assert change == SchemaChange(
        "x", "BYTES, optional, 2 values", "BYTES, optional, 2 values (added 'c'; removed 'b')"
    )


def test_a_shared_domain_that_no_column_names_is_a_change_of_the_schema():
    (change,) = changes(BASE, BASE + ' string_domain { name: "d" value: "a" }')
    assert change == SchemaChange("(schema)", "", 'string_domain { name: "d" value: "a" }')


def test_a_field_of_the_whole_schema_is_a_change():
    (change,) = changes(BASE, BASE.replace('default_environment: "SERVING"', ""))
    assert change.column == "(schema)"
    assert "SERVING" in change.before
    assert "SERVING" not in change.after


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("presence { min_count: 1 }", "presence { min_count: 2 }", "min_count: 2"),
        ("presence { min_count: 1 min_fraction: 0.5 }", "presence { min_count: 2 min_fraction: 1 }", "min_count: 2"),
        ("", "presence { min_count: 1 }", "presence { min_count: 1 }"),
        ("", "presence { min_fraction: 0 }", "presence { min_fraction: 0"),
        ("shape { dim { size: 1 } }", "value_count { min: 1 max: 1 }", "value_count { min: 1 max: 1 }"),
        ("", 'not_in_environment: "SERVING"', 'not_in_environment: "SERVING"'),
        ("", "drift_comparator { infinity_norm { threshold: 0.2 } }", "infinity_norm { threshold: 0.2 }"),
        ("", "skew_comparator { infinity_norm { threshold: 0.2 } }", "skew_comparator"),
        ("", "lifecycle_stage: DEPRECATED", "lifecycle_stage: DEPRECATED"),
        ("", 'annotation { comment: "é <b>" }', "é <b>"),
        ("", "unique_constraints { min: 1 max: 2 }", "unique_constraints"),
        ("int_domain { min: 0 }", "int_domain { min: 0 is_categorical: true }", "is_categorical: true"),
        ("int_domain { min: 0 max: 1 }", "float_domain { min: 0 max: 1 }", "0.0 … 1.0"),
        ("float_domain { min: 0 }", "float_domain { min: 0 disallow_nan: true }", "disallow_nan: true"),
        ("int_domain { max: 1 }", "int_domain { min: 0 max: 1 }", "0 … 1"),
        ("int_domain { min: 0 }", "int_domain { max: 0 }", "≤ 0"),
        ("", "int_domain { }", "int_domain {"),
        ("", "string_domain { }", "0 values"),
        ('string_domain { value: "a" }', 'string_domain { name: "n" value: "a" }', 'name: "n"'),
        ("type: INT", "type: FLOAT", "FLOAT"),
        ("", "type: TYPE_UNKNOWN", "type: TYPE_UNKNOWN"),
        ("type: STRUCT", 'type: STRUCT struct_domain { feature { name: "in" } }', 'feature { name: "in" }'),
    ],
)
def test_every_difference_is_shown(before, after, shown):
    (forth,), (back,) = columns(before, after), columns(after, before)
    assert shown in forth.after
    assert forth.before != forth.after
    assert shown in back.before
    assert shown not in forth.before


def test_every_field_of_a_feature_is_shown():
    """Whatever tensorflow_metadata knows of a feature, one field at a time."""
    empty = schema_pb2.Schema(feature=[schema_pb2.Feature(name="x")])
    for field in schema_pb2.Feature.DESCRIPTOR.fields:
        if field.name == "name":
            continue
        changed = schema_pb2.Schema(feature=[schema_pb2.Feature(name="x")])
        set_field(changed.feature[0], field)
        (change,) = schema_changes(empty, changed)
        assert change.column == "x", field.name
        assert change.before != change.after, field.name


def set_field(message, field):
    if field.label == field.LABEL_REPEATED:
        getattr(message, field.name).append("E")
    elif field.message_type:
        getattr(message, field.name).SetInParent()
    elif field.enum_type:
        setattr(message, field.name, field.enum_type.values[-1].number)
    else:
        setattr(message, field.name, True if field.cpp_type == field.CPPTYPE_BOOL else "d")


def test_schemas_are_not_modified():
    before, after = parse(BASE), parse(BASE.replace("120", "90"))
    kept = before.SerializeToString(), after.SerializeToString()
    schema_changes(before, after)
    assert (before.SerializeToString(), after.SerializeToString()) == kept
