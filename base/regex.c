/* regex.c - chooses between shapes and RE2, shares compiled expressions, expands templates. */
#include "base/regex.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/regex_names.h"
#include "base/regex_need.h"
#include "base/regex_re2.h"
#include "base/regex_shape.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    PROGRAM_BYTES = 8 * MIB,
    SHAPES_BYTES = 4 * MIB,
    /* The cache holds the text and RE2's lazy automata of strangers: 128 times 1 MiB at worst. */
    CACHE_SLOTS = 128,
    CACHED_PROGRAM_BYTES = 1 * MIB,
    CACHED_PATTERN_BYTES = 1 * KIB,
    GROUPS_ON_STACK = 16,
};

struct regex {
    atomic_uint users;
    struct arena arena; /* pattern, shapes, literals */
    struct str pattern;
    struct regex_shapes shapes;
    struct str *literals; /* arena; NULL when the expression is more than literals */
    struct str prefix;
    struct regex_need need;
    size_t program_bytes; /* bound of the program and its automata */
    void *program;        /* owned; NULL when shapes and no groups say it all */
};

static pthread_mutex_t cache_lock = PTHREAD_MUTEX_INITIALIZER;
static struct regex *cache[CACHE_SLOTS]; /* one user each */

static struct regex **cache_slot(struct str pattern)
{
    return &cache[hash_str(pattern, 0) % CACHE_SLOTS];
}

static struct regex *cache_find(struct str pattern)
{
    pthread_mutex_lock(&cache_lock);
    struct regex *found = *cache_slot(pattern);
    if (found && str_eq(found->pattern, pattern))
        atomic_fetch_add(&found->users, 1);
    else
        found = NULL;
    pthread_mutex_unlock(&cache_lock);
    return found;
}

static void cache_put(struct regex *r)
{
    atomic_fetch_add(&r->users, 1);
    pthread_mutex_lock(&cache_lock);
    struct regex *old = *cache_slot(r->pattern);
    *cache_slot(r->pattern) = r;
    pthread_mutex_unlock(&cache_lock);
    regex_free(old);
}

void regex_free(struct regex *r)
{
    if (!r || atomic_fetch_sub(&r->users, 1) > 1)
        return;
    re2_free(r->program);
    arena_deinit(&r->arena);
    mem_free(r);
}

/* The literal text that every match begins with. Not with '|', whose branches share nothing, and
 * not the last character before a repetition. */
static struct str pattern_prefix(struct str pattern)
{
    size_t len = 0;
    if (str_find(pattern, '|') < pattern.len)
        return (struct str){0};
    while (len < pattern.len && pattern.ptr[len] && !strchr("\\.+*?()[]{}^$", pattern.ptr[len]))
        len++;
    bool is_repeated = len < pattern.len && pattern.ptr[len] && strchr("*?{", pattern.ptr[len]);
    if (is_repeated)
        do
            len -= len > 0;
        while (len > 0 && ((unsigned char)pattern.ptr[len] & 0xc0) == 0x80);
    return str_sub(pattern, 0, len);
}

static struct str common_prefix(struct str a, struct str b)
{
    size_t len = 0;
    while (len < a.len && len < b.len && a.ptr[len] == b.ptr[len])
        len++;
    return (struct str){a.ptr, len};
}

static bool keep_shapes(struct regex *r)
{
    const struct regex_shapes *s = &r->shapes;
    r->prefix = s->items[0].head;
    for (uint32_t i = 1; i < s->count; i++)
        r->prefix = common_prefix(r->prefix, s->items[i].head);
    if (!s->all_literal)
        return true;
    r->literals = arena_alloc(&r->arena, s->count * sizeof(*r->literals));
    for (uint32_t i = 0; r->literals && i < s->count; i++)
        r->literals[i] = s->items[i].head;
    return r->literals != NULL;
}

/* Go's words for RE2's complaints, which users of Prometheus know. */
static enum status fail_syntax(enum re2_fault fault, const char *where, struct err *e)
{
    static const char *const words[] = {
        [RE2_FAULT_INTERNAL] = "regexp/syntax: internal error",
        [RE2_FAULT_ESCAPE] = "invalid escape sequence",
        [RE2_FAULT_CLASS] = "invalid character class",
        [RE2_FAULT_CLASS_RANGE] = "invalid character class range",
        [RE2_FAULT_NO_BRACKET] = "missing closing ]",
        [RE2_FAULT_NO_PAREN] = "missing closing )",
        [RE2_FAULT_PAREN] = "unexpected )",
        [RE2_FAULT_BACKSLASH] = "trailing backslash at end of expression",
        [RE2_FAULT_REPEAT_NOTHING] = "missing argument to repetition operator",
        [RE2_FAULT_REPEAT_COUNT] = "invalid repeat count",
        [RE2_FAULT_REPEAT_NESTED] = "invalid nested repetition operator",
        [RE2_FAULT_PERL] = "invalid or unsupported Perl syntax",
        [RE2_FAULT_UTF8] = "invalid UTF-8",
        [RE2_FAULT_CAPTURE] = "invalid named capture",
    };
    return err_set(e, ST_INVALID, "error parsing regexp: %s: `%s`", words[fault], where);
}

static enum status compile_program(struct regex *r, struct err *e)
{
    enum re2_fault fault;
    char where[120] = "";
    struct str pattern;
    size_t most = r->pattern.len <= CACHED_PATTERN_BYTES ? CACHED_PROGRAM_BYTES : PROGRAM_BYTES;
    if (!regex_names_write(r->pattern, &r->arena, &pattern))
        return err_set(e, ST_NO_MEMORY, "no memory for a regular expression");
    r->program = re2_new(pattern, most, &fault, where, sizeof(where));
    if (fault == RE2_FAULT_TOO_BIG && most < PROGRAM_BYTES) {
        most = PROGRAM_BYTES;
        r->program = re2_new(pattern, most, &fault, where, sizeof(where));
    }
    r->program_bytes = most;
    if (fault == RE2_FAULT_NONE)
        return ST_OK;
    if (fault == RE2_FAULT_TOO_BIG)
        return err_set(e, ST_TOO_BIG, "error parsing regexp: expression too large");
    if (fault == RE2_FAULT_MEMORY)
        return err_set(e, ST_NO_MEMORY, "no memory for a regular expression");
    regex_names_restore(r->pattern, where);
    return fail_syntax(fault, where, e);
}

static enum status compile_pattern(struct regex *r, struct str pattern, struct err *e)
{
    r->arena.limit_bytes = SHAPES_BYTES + 3 * pattern.len; /* with names rewritten */
    r->pattern = arena_dup_str(&r->arena, pattern);
    if (pattern.len > 0 && !r->pattern.ptr)
        return err_set(e, ST_NO_MEMORY, "no memory for a regular expression");
    r->shapes = regex_shapes_read(r->pattern, &r->arena);
    if (r->shapes.count > 0 && !keep_shapes(r))
        return err_set(e, ST_NO_MEMORY, "no memory for a regular expression");
    if (r->shapes.count > 0 && !r->shapes.has_groups)
        return ST_OK;
    if (r->shapes.count == 0)
        r->prefix = pattern_prefix(r->pattern);
    return compile_program(r, e);
}

static enum status compile(struct regex *r, struct str pattern, struct err *e)
{
    TRY(compile_pattern(r, pattern, e));
    if (!r->literals)
        r->need = regex_need_read(r->pattern, &r->arena);
    return ST_OK;
}

enum status regex_new(struct str pattern, struct regex **out, struct err *e)
{
    if (!str_is_utf8(pattern))
        return err_set(e, ST_INVALID, "error parsing regexp: invalid UTF-8");
    struct regex *r = cache_find(pattern);
    if (r) {
        *out = r;
        return ST_OK;
    }
    r = mem_calloc(1, sizeof(*r));
    if (!r)
        return err_set(e, ST_NO_MEMORY, "no memory for a regular expression");
    atomic_init(&r->users, 1);
    enum status status = compile(r, pattern, e);
    if (status != ST_OK) {
        regex_free(r);
        return status;
    }
    if (pattern.len <= CACHED_PATTERN_BYTES && r->program_bytes <= CACHED_PROGRAM_BYTES)
        cache_put(r);
    *out = r;
    return ST_OK;
}

size_t regex_bytes(const struct regex *r)
{
    return sizeof(*r) + arena_held_bytes(&r->arena) + r->program_bytes;
}

bool regex_match(const struct regex *r, struct str text)
{
    if (text.len == 0)
        text = STR(""); /* of a missing label: the pointer may be NULL */
    if (r->shapes.count > 0)
        return regex_shapes_match(&r->shapes, text);
    return re2_match(r->program, text, NULL, 0);
}

bool regex_literals(const struct regex *r, const struct str **out, size_t *count)
{
    if (!r->literals)
        return false;
    *out = r->literals;
    *count = r->shapes.count;
    return true;
}

struct str regex_prefix(const struct regex *r)
{
    return r->prefix;
}

uint32_t regex_needs(const struct regex *r, const struct str **texts, bool *nocase)
{
    *texts = r->need.texts.items;
    *nocase = r->need.nocase;
    return r->need.texts.count;
}

static bool is_name_byte(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* The name behind a '$' at `at`, with or without braces; returns what follows it, or 0 when there
 * is none. */
static size_t read_name(struct str template, size_t at, struct str *name)
{
    size_t start = at;
    bool has_brace = start < template.len && template.ptr[start] == '{';
    start += has_brace;
    size_t end = start;
    while (end < template.len && is_name_byte(template.ptr[end]))
        end++;
    *name = str_sub(template, start, end);
    if (end == start || (has_brace && (end == template.len || template.ptr[end] != '}')))
        return 0;
    return end + has_brace;
}

static struct str group_named(const struct regex *r, struct str name, const struct str *groups,
                              size_t count)
{
    uint64_t number;
    if (!str_to_u64(name, &number))
        number = r->program ? re2_group_find(r->program, name) : 0;
    else if (number == 0)
        return groups[0];
    return number > 0 && number < count ? groups[number] : (struct str){0};
}

static void write_template(const struct regex *r, struct str template, const struct str *groups,
                           size_t count, struct buf *out)
{
    for (size_t at = 0; at < template.len;) {
        size_t dollar = at + str_find(str_sub(template, at, template.len), '$');
        buf_append_str(out, str_sub(template, at, dollar));
        at = dollar + 1;
        if (dollar == template.len)
            return;
        struct str name;
        size_t next = read_name(template, at, &name);
        if (next > 0)
            buf_append_str(out, group_named(r, name, groups, count));
        else
            buf_append_u8(out, '$');
        at = next > 0 ? next : at + (at < template.len && template.ptr[at] == '$');
    }
}

bool regex_expand(const struct regex *r, struct str text, struct str template, struct buf *out)
{
    struct str on_stack[GROUPS_ON_STACK], *groups = on_stack;
    size_t count = 1 + (r->program ? re2_group_count(r->program) : 0);
    if (count > GROUPS_ON_STACK)
        groups = mem_alloc(count * sizeof(*groups));
    if (!groups) {
        out->failed = true;
        return true;
    }
    groups[0] = text;
    bool does_match =
        r->program ? re2_match(r->program, text, groups, count) : regex_match(r, text);
    if (does_match)
        write_template(r, template, groups, count, out);
    if (groups != on_stack)
        mem_free(groups);
    return does_match;
}
