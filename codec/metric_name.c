/* metric_name.c - OpenTelemetry's names to Prometheus': characters, units, suffixes. */
#include "codec/metric_name.h"

#include "base/buf.h"

enum { NAME_BYTES_MAX = 1024 };

struct unit_word {
    struct str unit, word;
};

#define UNIT(unit, word)                                                                           \
    {                                                                                              \
        {unit, sizeof(unit) - 1},                                                                  \
        {                                                                                          \
            word, sizeof(word) - 1                                                                 \
        }                                                                                          \
    }

static const struct unit_word main_units[] = {
    UNIT("d", "days"),          UNIT("h", "hours"),
    UNIT("min", "minutes"),     UNIT("s", "seconds"),
    UNIT("ms", "milliseconds"), UNIT("us", "microseconds"),
    UNIT("ns", "nanoseconds"),  UNIT("By", "bytes"),
    UNIT("KiBy", "kibibytes"),  UNIT("MiBy", "mebibytes"),
    UNIT("GiBy", "gibibytes"),  UNIT("TiBy", "tibibytes"),
    UNIT("KBy", "kilobytes"),   UNIT("kBy", "kilobytes"),
    UNIT("MBy", "megabytes"),   UNIT("GBy", "gigabytes"),
    UNIT("TBy", "terabytes"),   UNIT("m", "meters"),
    UNIT("V", "volts"),         UNIT("A", "amperes"),
    UNIT("J", "joules"),        UNIT("W", "watts"),
    UNIT("g", "grams"),         UNIT("Cel", "celsius"),
    UNIT("Hz", "hertz"),        UNIT("1", ""),
    UNIT("%", "percent"),
};
static const struct unit_word per_units[] = {
    UNIT("s", "second"), UNIT("m", "minute"), UNIT("h", "hour"), UNIT("d", "day"),
    UNIT("w", "week"),   UNIT("mo", "month"), UNIT("y", "year"),
};

static struct str word_of(const struct unit_word *words, size_t count, struct str unit)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(words[i].unit, unit))
            return words[i].word;
    return unit;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A name under way: its parts, joined by underscores. */
struct joined {
    char text[NAME_BYTES_MAX];
    size_t len;
    bool has_part; /* the next character begins a new part */
    bool part_ended;
};

static void put(struct joined *j, char c)
{
    if (j->len < sizeof(j->text))
        j->text[j->len++] = c;
}

/* Appends the parts of `text` between characters that no metric name has; `colon` may stay. */
static void put_parts(struct joined *j, struct str text, bool colon)
{
    j->part_ended = true;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!is_letter(c) && !is_digit(c) && !(colon && c == ':')) {
            j->part_ended = true;
            continue;
        }
        if (j->part_ended && j->has_part)
            put(j, '_');
        j->part_ended = false;
        j->has_part = true;
        put(j, c);
    }
}

/* Is `word` one of the parts? */
static bool has_word(const struct joined *j, struct str word)
{
    struct str left = {j->text, j->len}, part;
    while (left.len > 0) {
        str_cut(left, '_', &part, &left);
        if (str_eq(part, word))
            return true;
    }
    return false;
}

/* Takes a part out, wherever it is. */
static void remove_word(struct joined *j, struct str word)
{
    struct joined rest = {.len = 0};
    struct str left = {j->text, j->len}, part;
    while (left.len > 0) {
        str_cut(left, '_', &part, &left);
        if (!str_eq(part, word))
            put_parts(&rest, part, true);
    }
    *j = rest;
}

static void put_main_unit(struct joined *j, struct str word)
{
    struct joined clean = {.len = 0};
    put_parts(&clean, word, false);
    struct str text = {clean.text, clean.len};
    if (text.len > 0 && !has_word(j, text))
        put_parts(j, text, false);
}

/* Whether the name has the word or not: "per_second" as a whole is none of its parts. */
static void put_per_unit(struct joined *j, struct str word)
{
    struct joined clean = {.len = 0};
    put_parts(&clean, word, false);
    if (clean.len == 0)
        return;
    put_parts(j, STR("per"), false);
    put_parts(j, (struct str){clean.text, clean.len}, false);
}

static bool is_remark(struct str unit)
{
    return str_find(unit, '{') < unit.len || str_find(unit, '}') < unit.len;
}

/* `s`, `By/s`, `{requests}/s`: what stands in braces is a remark. */
static void put_unit(struct joined *j, struct str unit)
{
    struct str main, per;
    str_cut(unit, '/', &main, &per);
    main = str_trim(main);
    per = str_trim(per);
    if (!is_remark(main))
        put_main_unit(j, word_of(main_units, LEN(main_units), main));
    if (!is_remark(per))
        put_per_unit(j, word_of(per_units, LEN(per_units), per));
}

/* Nothing begins with a digit. */
static struct str keep(struct arena *arena, const struct joined *j)
{
    bool digit = j->len > 0 && is_digit(j->text[0]);
    char *copy = arena_alloc(arena, j->len + 1);
    if (!copy)
        return (struct str){NULL, 0};
    copy[0] = '_';
    memcpy(copy + digit, j->text, j->len);
    return (struct str){copy, j->len + digit};
}

struct str metric_unit_translate(struct arena *arena, enum metric_translation how, struct str unit)
{
    struct joined j = {.len = 0};
    if (how == TRANSLATE_NOTHING || unit.len == 0)
        return unit.len ? unit : STR("");
    put_unit(&j, str_sub(unit, 0, NAME_BYTES_MAX / 8));
    return keep(arena, &j);
}

struct str metric_name_translate(struct arena *arena, enum metric_translation how, struct str name,
                                 struct str unit, enum metric_name_kind kind)
{
    struct joined j = {.len = 0};
    if (how == TRANSLATE_NOTHING)
        return name.len ? name : STR("");
    put_parts(&j, str_sub(name, 0, NAME_BYTES_MAX / 2), true);
    if (j.len == 0)
        return STR("");
    put_unit(&j, str_sub(unit, 0, NAME_BYTES_MAX / 8));
    if (kind == NAME_COUNTER) {
        remove_word(&j, STR("total"));
        put_parts(&j, STR("total"), false);
    } else if (kind == NAME_GAUGE && str_eq(unit, STR("1"))) {
        remove_word(&j, STR("ratio"));
        put_parts(&j, STR("ratio"), false);
    }
    return keep(arena, &j);
}

static bool is_word(char c)
{
    return is_letter(c) || is_digit(c);
}

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* What goes in front of a name that would be none, or would look like one of Prometheus' own: it
 * begins with a digit, or with one underscore. */
static struct str label_prefix(struct str key)
{
    if (is_digit(key.ptr[0]))
        return STR("key_");
    size_t second = 1; /* the second character */
    while (second < key.len && is_continuation(key.ptr[second]))
        second++;
    bool one_underscore = !is_letter(key.ptr[0]) && (key.len == second || is_word(key.ptr[second]));
    return one_underscore ? STR("key") : STR("");
}

struct str label_name_translate(struct arena *arena, enum metric_translation how, struct str key)
{
    if (key.len == 0)
        return STR("");
    if (how == TRANSLATE_NOTHING)
        return key;
    key = str_sub(key, 0, NAME_BYTES_MAX);
    size_t clean = 0;
    while (clean < key.len && (is_word(key.ptr[clean]) || key.ptr[clean] == '_'))
        clean++;
    struct str prefix = label_prefix(key);
    if (clean == key.len && prefix.len == 0)
        return key;
    char *copy = arena_alloc(arena, prefix.len + key.len);
    if (!copy)
        return (struct str){NULL, 0};
    memcpy(copy, prefix.ptr, prefix.len);
    size_t len = prefix.len;
    for (size_t i = 0; i < key.len; i++) /* one underscore a character, not a byte */
        if (!is_continuation(key.ptr[i]))
            copy[len++] = is_word(key.ptr[i]) ? key.ptr[i] : '_';
    return (struct str){copy, len};
}
