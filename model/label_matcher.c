/* label_matcher.c - compiles and tries the conditions of a selector. */
#include "model/label_matcher.h"

enum status label_matcher_init(struct label_matcher *out, enum match_op op, struct str name,
                               struct str value, struct err *e)
{
    *out = (struct label_matcher){.name = name, .value = value, .op = op};
    if (op == MATCH_RE || op == MATCH_NRE)
        return regex_new(value, &out->regex, e);
    return ST_OK;
}

void label_matcher_deinit(struct label_matcher *m)
{
    regex_free(m->regex);
    m->regex = NULL;
}

bool label_matcher_accepts(const struct label_matcher *m, struct str value)
{
    switch (m->op) {
    case MATCH_EQ:
        return str_eq(m->value, value);
    case MATCH_NE:
        return !str_eq(m->value, value);
    case MATCH_RE:
        return regex_match(m->regex, value);
    case MATCH_NRE:
        return !regex_match(m->regex, value);
    }
    return false;
}

bool label_matchers_accept(const struct label_matcher *matchers, uint32_t count, struct label_set s)
{
    for (uint32_t i = 0; i < count; i++)
        if (!label_matcher_accepts(&matchers[i], label_set_get(s, matchers[i].name)))
            return false;
    return true;
}

const char *match_op_text(enum match_op op)
{
    static const char *const texts[] = {"=", "!=", "=~", "!~"};
    return texts[op];
}
