/* registry_image.c - the registry as bytes and back; see docs/formats/registry.md. */
#include "model/registry.h"

enum { REGISTRY_IMAGE_VERSION = 1 };

static void encode_items(const struct registry_items *items, struct buf *out)
{
    buf_append_varint(out, items->len);
    for (uint32_t i = 0; i < items->len; i++) {
        buf_append_lenstr(out, items->items[i].name);
        buf_append_varint(out, items->items[i].last_seen_ns);
    }
}

static void encode_service(const struct registry_service *s, struct buf *out)
{
    buf_append_lenstr(out, s->entity.cluster);
    buf_append_lenstr(out, s->entity.space);
    buf_append_lenstr(out, s->entity.name);
    buf_append_u8(out, (uint8_t)s->entity.kind);
    buf_append_varint(out, s->first_seen_ns);
    buf_append_varint(out, s->last_seen_ns);
    encode_items(&s->versions, out);
    encode_items(&s->workloads, out);
    encode_items(&s->instances, out);
    encode_items(&s->aliases, out);
}

void registry_encode(const struct registry *r, struct buf *out)
{
    buf_append_u8(out, REGISTRY_IMAGE_VERSION);
    buf_append_varint(out, registry_count(r));
    for (uint32_t i = 0; i < registry_count(r); i++)
        encode_service(registry_at(r, i), out);
}

struct sighting {
    struct registry *into;
    struct entity entity;
    uint32_t index; /* UINT32_MAX when the registry is full: the rest is read and forgotten */
};

typedef void note_fn(const struct sighting *s, struct str name, uint64_t time_ns);

static void note_version(const struct sighting *s, struct str name, uint64_t time_ns)
{
    registry_note(s->into, &s->entity, &(struct variant){.version = name}, STR(""), time_ns);
}

static void note_workload(const struct sighting *s, struct str name, uint64_t time_ns)
{
    registry_note(s->into, &s->entity, &(struct variant){.workload = name}, STR(""), time_ns);
}

static void note_instance(const struct sighting *s, struct str name, uint64_t time_ns)
{
    registry_note(s->into, &s->entity, &(struct variant){0}, name, time_ns);
}

static void note_alias(const struct sighting *s, struct str name, uint64_t time_ns)
{
    registry_note_alias(s->into, s->index, name, time_ns);
}

static void decode_items(struct cursor *in, const struct sighting *s, note_fn *note)
{
    uint64_t count = cursor_varint(in);
    for (uint64_t i = 0; i < count && !in->failed; i++) {
        struct str name = cursor_lenstr(in);
        uint64_t time_ns = cursor_varint(in);
        if (!in->failed && s->index != UINT32_MAX)
            note(s, name, time_ns);
    }
}

static void decode_service(struct cursor *in, struct registry *into)
{
    struct sighting s = {.into = into};
    s.entity.cluster = cursor_lenstr(in);
    s.entity.space = cursor_lenstr(in);
    s.entity.name = cursor_lenstr(in);
    s.entity.kind = cursor_u8(in);
    uint64_t first_ns = cursor_varint(in), last_ns = cursor_varint(in);
    in->failed |= s.entity.kind > ENTITY_OTHER;
    if (in->failed)
        return;
    s.index = registry_note(into, &s.entity, &(struct variant){0}, STR(""), first_ns);
    registry_note(into, &s.entity, &(struct variant){0}, STR(""), last_ns);
    decode_items(in, &s, note_version);
    decode_items(in, &s, note_workload);
    decode_items(in, &s, note_instance);
    decode_items(in, &s, note_alias);
}

enum status registry_decode(struct cursor *in, struct registry *into, struct err *e)
{
    uint8_t version = cursor_u8(in);
    if (!in->failed && version != REGISTRY_IMAGE_VERSION)
        return err_set(e, ST_CORRUPT, "registry: image of unknown version %u", version);
    uint64_t count = cursor_varint(in);
    for (uint64_t i = 0; i < count && !in->failed; i++)
        decode_service(in, into);
    if (in->failed)
        return err_set(e, ST_CORRUPT, "registry: the image is damaged");
    if (registry_is_short_of_memory(into))
        return err_set(e, ST_NO_MEMORY, "registry: no memory for its image");
    return ST_OK;
}
