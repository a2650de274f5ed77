/* fields.c - header fields one behind another: two lengths, name, value. A linear search beats an
 * index at this size. */
#include "net/fields.h"

struct field_lengths {
    uint32_t name, value;
};

bool fields_add(struct fields *f, struct str name, struct str value)
{
    struct field_lengths n = {(uint32_t)name.len, (uint32_t)value.len};
    if (!buf_reserve(&f->bytes, sizeof(n) + name.len + value.len))
        return false;
    buf_append(&f->bytes, &n, sizeof(n));
    buf_append_str(&f->bytes, name);
    buf_append_str(&f->bytes, value);
    f->count++;
    f->list_bytes += name.len + value.len + 32;
    return true;
}

bool fields_next(const struct fields *f, size_t *at, struct str *name, struct str *value)
{
    struct field_lengths n;
    if (*at >= f->bytes.len)
        return false;
    memcpy(&n, f->bytes.ptr + *at, sizeof(n));
    *name = (struct str){f->bytes.ptr + *at + sizeof(n), n.name};
    *value = (struct str){name->ptr + n.name, n.value};
    *at += sizeof(n) + n.name + n.value;
    return true;
}

struct str fields_find(const struct fields *f, struct str wanted)
{
    struct str name, value;
    for (size_t at = 0; fields_next(f, &at, &name, &value);) {
        if (str_eq_nocase(name, wanted))
            return value;
    }
    return (struct str){NULL, 0};
}

unsigned fields_count(const struct fields *f, struct str wanted)
{
    struct str name, value;
    unsigned count = 0;
    for (size_t at = 0; fields_next(f, &at, &name, &value);)
        count += str_eq_nocase(name, wanted);
    return count;
}

void fields_reset(struct fields *f)
{
    buf_reset(&f->bytes);
    f->count = 0;
    f->list_bytes = 0;
}

void fields_deinit(struct fields *f)
{
    buf_deinit(&f->bytes);
    *f = (struct fields){0};
}
