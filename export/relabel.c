/* relabel.c - the ten actions of relabelling, on a list of labels that grows and shrinks. */
#include "export/relabel.h"

/* Longest name or value that a rule may make; more is cut off, at a whole character. */
enum { MADE_MAX = 64 * KIB };

static const struct {
    const char *name;
    enum relabel_action action;
    bool needs_target, takes_only_regex;
} actions[] = {
    {"replace", RELABEL_REPLACE, true, false},      {"keep", RELABEL_KEEP, false, false},
    {"drop", RELABEL_DROP, false, false},           {"keepequal", RELABEL_KEEP_EQUAL, true, false},
    {"dropequal", RELABEL_DROP_EQUAL, true, false}, {"lowercase", RELABEL_LOWERCASE, true, false},
    {"uppercase", RELABEL_UPPERCASE, true, false},  {"labelmap", RELABEL_LABEL_MAP, false, false},
    {"labeldrop", RELABEL_LABEL_DROP, false, true}, {"labelkeep", RELABEL_LABEL_KEEP, false, true},
};

/* --- a rule --- */

static bool is_action(struct str name, size_t *at)
{
    for (*at = 0; *at < LEN(actions); ++*at)
        if (str_eq_nocase(name, str_from_c(actions[*at].name)))
            return true;
    return false;
}

static enum status check(const struct relabel_text *text, size_t at, struct err *e)
{
    const char *name = actions[at].name;
    if (actions[at].needs_target && text->target_label.len == 0)
        return err_set(e, ST_INVALID, "action %s needs a target_label", name);
    if (actions[at].takes_only_regex && (text->source_count > 0 || text->target_label.ptr ||
                                         text->separator.ptr || text->replacement.ptr))
        return err_set(e, ST_INVALID, "action %s takes a regex and nothing else", name);
    return ST_OK;
}

static struct str or_default(struct str given, struct str fallback)
{
    return given.ptr ? given : fallback;
}

enum status relabel_rule_init(const struct relabel_text *text, struct relabel_rule *out,
                              struct err *e)
{
    struct str action = or_default(text->action, STR("replace"));
    size_t at;
    *out = (struct relabel_rule){0};
    if (str_eq_nocase(action, STR("hashmod")))
        return err_set(e, ST_INVALID,
                       "action hashmod is not supported: it spreads scrape targets over several "
                       "Prometheus, and weft scrapes none");
    if (!is_action(action, &at))
        return err_set(e, ST_INVALID, "there is no relabel action %.*s", STR_ARG(action));
    TRY(check(text, at, e));
    *out = (struct relabel_rule){.source_labels = text->source_labels,
                                 .source_count = text->source_count,
                                 .separator = or_default(text->separator, STR(";")),
                                 .target_label = text->target_label,
                                 .replacement = or_default(text->replacement, STR("$1")),
                                 .action = actions[at].action};
    return regex_new(or_default(text->regex, STR("(.*)")), &out->regex, e);
}

void relabel_rule_deinit(struct relabel_rule *rule)
{
    regex_free(rule->regex);
    *rule = (struct relabel_rule){0};
}

/* --- a series --- */

/* Labels in any order, each name once; those without a value are gone. */
struct work {
    struct arena *arena; /* borrowed */
    struct label *items; /* arena */
    uint32_t count, cap;
    struct buf text; /* owned: what is being made */
};

static enum status no_memory(struct err *e)
{
    return err_set(e, ST_NO_MEMORY, "no memory for labels of a series");
}

static struct label *find(const struct work *w, struct str name)
{
    for (uint32_t i = 0; i < w->count; i++)
        if (str_eq(w->items[i].name, name))
            return &w->items[i];
    return NULL;
}

static struct str value_of(const struct work *w, struct str name)
{
    const struct label *l = find(w, name);
    return l ? l->value : STR("");
}

static enum status grow(struct work *w, struct err *e)
{
    uint32_t cap = MAX(w->cap * 2, w->count + 8);
    struct label *items = arena_calloc(w->arena, cap, sizeof(*items));
    if (!items)
        return no_memory(e);
    if (w->count)
        memcpy(items, w->items, w->count * sizeof(*items));
    w->items = items;
    w->cap = cap;
    return ST_OK;
}

/* An empty value takes the label away. Both texts are copied: they may be in w->text. */
static enum status set(struct work *w, struct str name, struct str value, struct err *e)
{
    struct label *l = find(w, name);
    struct str kept = arena_dup_str(w->arena, value);
    if (value.len && !kept.ptr)
        return no_memory(e);
    if (l) {
        l->value = kept;
        return ST_OK;
    }
    if (value.len == 0)
        return ST_OK;
    if (w->count == w->cap)
        TRY(grow(w, e));
    struct str key = arena_dup_str(w->arena, name);
    if (!key.ptr)
        return no_memory(e);
    w->items[w->count++] = (struct label){.name = key, .value = kept};
    return ST_OK;
}

/* The values of the source labels, joined; in the arena. */
static enum status join(struct work *w, const struct relabel_rule *rule, struct str *out,
                        struct err *e)
{
    if (rule->source_count == 1) {
        *out = value_of(w, rule->source_labels[0]);
        return ST_OK;
    }
    buf_reset(&w->text);
    for (uint32_t i = 0; i < rule->source_count; i++) {
        if (i)
            buf_append_str(&w->text, rule->separator);
        buf_append_str(&w->text, value_of(w, rule->source_labels[i]));
    }
    *out = arena_dup_str(w->arena, buf_str(&w->text));
    return w->text.failed || (w->text.len && !out->ptr) ? no_memory(e) : ST_OK;
}

/* The template, its groups filled in; {NULL, 0} in *out when the text does not match. */
static enum status expand(struct work *w, const struct relabel_rule *rule, struct str text,
                          struct str template, bool *matched, struct str *out, struct err *e)
{
    buf_reset(&w->text);
    *matched = regex_expand(rule->regex, text, template, &w->text);
    struct str made = str_sub(buf_str(&w->text), 0, MADE_MAX);
    if (made.len < w->text.len)
        made.len = str_utf8_prefix(made);
    *out = arena_dup_str(w->arena, made);
    return w->text.failed || (made.len && !out->ptr) ? no_memory(e) : ST_OK;
}

static enum status replace(struct work *w, const struct relabel_rule *rule, struct str text,
                           struct err *e)
{
    struct str target, value;
    bool matched;
    TRY(expand(w, rule, text, rule->target_label, &matched, &target, e));
    if (!matched || target.len == 0 || !str_is_utf8(target))
        return ST_OK;
    TRY(expand(w, rule, text, rule->replacement, &matched, &value, e));
    return set(w, target, value, e);
}

static enum status change_case(struct work *w, const struct relabel_rule *rule, struct str text,
                               struct err *e)
{
    char first = rule->action == RELABEL_LOWERCASE ? 'A' : 'a';
    buf_reset(&w->text);
    buf_append_str(&w->text, text);
    if (w->text.failed)
        return no_memory(e);
    for (size_t i = 0; i < w->text.len; i++)
        if (w->text.ptr[i] >= first && w->text.ptr[i] < first + 26)
            w->text.ptr[i] ^= 0x20;
    return set(w, rule->target_label, buf_str(&w->text), e);
}

/* Over the labels as they are now: what it sets is not looked at again, nor mapped. */
static enum status map_names(struct work *w, const struct relabel_rule *rule, struct err *e)
{
    uint32_t count = w->count;
    struct label *before = arena_calloc(w->arena, MAX(count, 1), sizeof(*before));
    if (!before)
        return no_memory(e);
    if (count)
        memcpy(before, w->items, count * sizeof(*before));
    for (uint32_t i = 0; i < count; i++) {
        struct label l = before[i];
        struct str name;
        bool matched;
        TRY(expand(w, rule, l.name, rule->replacement, &matched, &name, e));
        if (l.value.len && matched && name.len)
            TRY(set(w, name, l.value, e));
    }
    return ST_OK;
}

static void filter_names(struct work *w, const struct relabel_rule *rule)
{
    bool stays = rule->action == RELABEL_LABEL_KEEP;
    for (uint32_t i = 0; i < w->count; i++)
        if (regex_match(rule->regex, w->items[i].name) != stays)
            w->items[i].value = STR("");
}

static enum status run_rule(struct work *w, const struct relabel_rule *rule, bool *kept,
                            struct err *e)
{
    struct str text;
    TRY(join(w, rule, &text, e));
    switch (rule->action) {
    case RELABEL_REPLACE:
        return replace(w, rule, text, e);
    case RELABEL_KEEP:
        *kept = regex_match(rule->regex, text);
        return ST_OK;
    case RELABEL_DROP:
        *kept = !regex_match(rule->regex, text);
        return ST_OK;
    case RELABEL_KEEP_EQUAL:
        *kept = str_eq(value_of(w, rule->target_label), text);
        return ST_OK;
    case RELABEL_DROP_EQUAL:
        *kept = !str_eq(value_of(w, rule->target_label), text);
        return ST_OK;
    case RELABEL_LOWERCASE:
    case RELABEL_UPPERCASE:
        return change_case(w, rule, text, e);
    case RELABEL_LABEL_MAP:
        return map_names(w, rule, e);
    case RELABEL_LABEL_DROP:
    case RELABEL_LABEL_KEEP:
        filter_names(w, rule);
        return ST_OK;
    }
    return ST_OK;
}

static enum status run_rules(struct work *w, const struct relabel_rule *rules, uint32_t count,
                             bool *kept, struct err *e)
{
    for (uint32_t i = 0; i < count && *kept; i++)
        TRY(run_rule(w, &rules[i], kept, e));
    return ST_OK;
}

enum status relabel_apply(const struct relabel_rule *rules, uint32_t count, struct label_set in,
                          struct arena *arena, struct label_set *out, bool *kept, struct err *e)
{
    *out = in;
    *kept = true;
    if (count == 0)
        return ST_OK;
    struct work w = {.arena = arena, .count = in.count, .cap = in.count};
    w.items = arena_calloc(arena, MAX(in.count, 1), sizeof(*w.items));
    if (!w.items)
        return no_memory(e);
    if (in.count)
        memcpy(w.items, in.items, in.count * sizeof(*w.items));
    enum status status = run_rules(&w, rules, count, kept, e);
    buf_deinit(&w.text);
    TRY(status);
    TRY(label_set_sort(w.items, w.count, out, e));
    *kept = *kept && out->count > 0;
    return ST_OK;
}
