"""The values that a schema allows in a column of texts."""

from tensorflow_metadata.proto.v0 import schema_pb2


def string_domain(feature: schema_pb2.Feature, schema: schema_pb2.Schema) -> tuple[str, ...] | None:
    """The values in the order of the schema, from the column's own domain or the shared one that it names; else None.

    TFDV's inferred schemas have shared domains: ``domain: "city"``, and below ``string_domain { name: "city" … }``.
    """
    if feature.HasField("string_domain"):
        return tuple(feature.string_domain.value)
    shared = {domain.name: domain.value for domain in schema.string_domain}
    if feature.HasField("domain") and feature.domain in shared:
        return tuple(shared[feature.domain])
    return None


def bool_texts(domain: schema_pb2.BoolDomain) -> tuple[str, ...]:
    """The texts for true and false."""
    return tuple(getattr(domain, name) for name in ("true_value", "false_value") if domain.HasField(name))


def allowed_texts(schema: schema_pb2.Schema) -> dict[str, tuple[str, ...]]:
    """The allowed values by column, for every column of texts that has some."""
    found = {}
    for feature in schema.feature:
        values = string_domain(feature, schema)
        if feature.type == schema_pb2.BYTES and feature.HasField("bool_domain"):
            values = bool_texts(feature.bool_domain)
        if values:
            found[feature.name] = values
    return found
