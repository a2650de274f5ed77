/* promql_lex.c - the states of PromQL's lexer: outside, in braces, in brackets. */
#include "query/promql_lex.h"
#include "query/promql_quote.h"

#include <stdarg.h>
#include <stdio.h>

enum { END_OF_TEXT = -1 };

static const struct keyword {
    const char *word; /* lower case */
    enum promql_token_kind kind;
    int value; /* of TOK_OPERATOR and TOK_AGGREGATION */
} keywords[] = {
    {"and", TOK_OPERATOR, OP_AND},
    {"or", TOK_OPERATOR, OP_OR},
    {"unless", TOK_OPERATOR, OP_UNLESS},
    {"atan2", TOK_OPERATOR, OP_ATAN2},
    {"sum", TOK_AGGREGATION, AGG_SUM},
    {"avg", TOK_AGGREGATION, AGG_AVG},
    {"count", TOK_AGGREGATION, AGG_COUNT},
    {"min", TOK_AGGREGATION, AGG_MIN},
    {"max", TOK_AGGREGATION, AGG_MAX},
    {"group", TOK_AGGREGATION, AGG_GROUP},
    {"stddev", TOK_AGGREGATION, AGG_STDDEV},
    {"stdvar", TOK_AGGREGATION, AGG_STDVAR},
    {"topk", TOK_AGGREGATION, AGG_TOPK},
    {"bottomk", TOK_AGGREGATION, AGG_BOTTOMK},
    {"count_values", TOK_AGGREGATION, AGG_COUNT_VALUES},
    {"quantile", TOK_AGGREGATION, AGG_QUANTILE},
    {"limitk", TOK_AGGREGATION, AGG_LIMITK},
    {"limit_ratio", TOK_AGGREGATION, AGG_LIMIT_RATIO},
    {"offset", TOK_OFFSET, 0},
    {"anchored", TOK_ANCHORED, 0},
    {"smoothed", TOK_SMOOTHED, 0},
    {"by", TOK_BY, 0},
    {"without", TOK_WITHOUT, 0},
    {"on", TOK_ON, 0},
    {"ignoring", TOK_IGNORING, 0},
    {"group_left", TOK_GROUP_LEFT, 0},
    {"group_right", TOK_GROUP_RIGHT, 0},
    {"fill", TOK_FILL, 0},
    {"fill_left", TOK_FILL_LEFT, 0},
    {"fill_right", TOK_FILL_RIGHT, 0},
    {"bool", TOK_BOOL, 0},
    {"start", TOK_START, 0},
    {"end", TOK_END, 0},
    {"step", TOK_STEP, 0},
    {"range", TOK_RANGE, 0},
    {"min_of", TOK_MIN_OF, 0},
    {"max_of", TOK_MAX_OF, 0},
    {"inf", TOK_NUMBER, 0},
    {"nan", TOK_NUMBER, 0},
};

enum status promql_fail(struct str query, uint32_t at, struct err *e, const char *fmt, ...)
{
    char message[sizeof(e->msg)], place[32] = "unknown position";
    unsigned line = 1;
    uint32_t line_start = 0;
    va_list args;
    va_start(args, fmt);
    vsnprintf(message, sizeof(message), fmt, args);
    va_end(args);
    for (uint32_t i = 0; i < at && i < query.len; i++)
        if (query.ptr[i] == '\n')
            line++, line_start = i + 1;
    if (query.len > 0)
        snprintf(place, sizeof(place), "%u:%u", line, at - line_start + 1);
    return err_set(e, ST_INVALID, "%s: parse error: %s", place, message);
}

const char *promql_token_show(const struct promql_token *t, char *out, size_t cap)
{
    static const char *const sorts[] = {
        [TOK_IDENTIFIER] = "identifier ", [TOK_METRIC_IDENTIFIER] = "metric identifier ",
        [TOK_NUMBER] = "number ",         [TOK_DURATION] = "duration ",
        [TOK_STRING] = "string ",
    };
    char quoted[120];
    int len = (int)MIN(t->text.len, (size_t)100);
    bool is_name = t->kind == TOK_IDENTIFIER || t->kind == TOK_METRIC_IDENTIFIER;
    if (t->kind == TOK_EOF)
        snprintf(out, cap, "end of input");
    else if (t->kind == TOK_OPERATOR || t->kind == TOK_AT || t->kind == TOK_RE_MATCH ||
             t->kind == TOK_RE_DIFFER)
        snprintf(out, cap, "<op:%.*s>", len, t->text.ptr);
    else if (t->kind == TOK_AGGREGATION)
        snprintf(out, cap, "<aggr:%.*s>", len, t->text.ptr);
    else if (t->kind >= TOK_BOOL && t->kind <= TOK_SMOOTHED)
        snprintf(out, cap, "<%.*s>", len, t->text.ptr);
    else if (t->text.len > 10 && !is_name)
        snprintf(out, cap, "%s%s...", t->kind <= TOK_STRING ? sorts[t->kind] : "",
                 promql_quote_c(str_sub(t->text, 0, 10), quoted, sizeof(quoted)));
    else
        snprintf(out, cap, "%s%s", t->kind <= TOK_STRING ? sorts[t->kind] : "",
                 promql_quote_c(t->text, quoted, sizeof(quoted)));
    return out;
}

static bool is_space(int c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool is_alpha(int c)
{
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_alnum(int c)
{
    return is_alpha(c) || is_digit(c);
}

static int peek_at(const struct promql_lexer *l, size_t ahead)
{
    return l->at + ahead < l->text.len ? (uint8_t)l->text.ptr[l->at + ahead] : END_OF_TEXT;
}

static int peek(const struct promql_lexer *l)
{
    return peek_at(l, 0);
}

/* Takes the next byte when it is one of `set`. */
static bool accept(struct promql_lexer *l, const char *set)
{
    int c = peek(l);
    if (c <= 0 || !strchr(set, c))
        return false;
    l->at++;
    return true;
}

static struct str word(const struct promql_lexer *l)
{
    return str_sub(l->text, l->start, l->at);
}

static enum status emit(struct promql_lexer *l, enum promql_token_kind kind,
                        struct promql_token *out)
{
    *out = (struct promql_token){
        .kind = kind, .span = {l->start, l->at}, .text = str_sub(l->text, l->start, l->at)};
    return ST_OK;
}

static enum status emit_op(struct promql_lexer *l, enum promql_op op, struct promql_token *out)
{
    emit(l, TOK_OPERATOR, out);
    out->op = op;
    return ST_OK;
}

/* "unexpected character: 'x'" about the character at `at`. */
static enum status fail_rune(const struct promql_lexer *l, uint32_t at, const char *what,
                             struct err *e)
{
    char quoted[32];
    uint32_t rune;
    promql_rune_read(str_sub(l->text, at, l->text.len), &rune);
    return promql_fail(l->text, l->start, e, "%s%s", what,
                       promql_quote_rune(rune, quoted, sizeof(quoted)));
}

static enum status fail_word(const struct promql_lexer *l, const char *what, struct err *e)
{
    char quoted[120];
    return promql_fail(l->text, l->start, e, "%s%s", what,
                       promql_quote_c(word(l), quoted, sizeof(quoted)));
}

static void skip_blanks(struct promql_lexer *l)
{
    for (;;) {
        if (is_space(peek(l)))
            l->at++;
        else if (peek(l) == '#' && !l->in_duration)
            while (peek(l) != END_OF_TEXT && peek(l) != '\n' && peek(l) != '\r')
                l->at++;
        else
            break;
    }
    l->start = l->at;
}

/* One step of a number's body; false when it cannot be a number. */
static bool scan_digits(struct promql_lexer *l, const char *digits, bool *dot, bool *exponent)
{
    bool is_hex = digits[10] != '\0';
    int c = peek(l);
    if (c == '.') {
        l->at++;
        if (*dot || accept(l, "_.") || is_hex)
            return false;
        *dot = true;
    } else if (!is_hex && (c == 'e' || c == 'E')) {
        l->at++;
        accept(l, "+-");
        if (*exponent || accept(l, "._eE") || peek(l) == END_OF_TEXT)
            return false;
        *exponent = true;
    } else if (c == '_') {
        l->at++;
        return !accept(l, "._eE") && peek(l) != END_OF_TEXT;
    } else {
        l->at++;
    }
    return true;
}

static bool scan_number(struct promql_lexer *l)
{
    const char *digits = "0123456789";
    bool dot = false, exponent = false;
    uint32_t start = l->at;
    if (accept(l, "0") && accept(l, "xX")) {
        accept(l, "_");
        digits = "0123456789abcdefABCDEF";
    }
    accept(l, ".");
    accept(l, digits);
    for (int c; (c = peek(l)) > 0 && (strchr(digits, c) || strchr("._eE", c));)
        if (!scan_digits(l, digits, &dot, &exponent))
            return false;
    return l->at > start && !is_alnum(peek(l));
}

/* Behind the digits that scan_number() took: units and further digits. */
static bool scan_duration(struct promql_lexer *l)
{
    if (!accept(l, "smhdwy"))
        return false;
    accept(l, "s");
    while (is_digit(peek(l))) {
        while (is_digit(peek(l)))
            l->at++;
        if (!accept(l, "smhdw"))
            return false;
        accept(l, "s");
    }
    if (!is_alnum(peek(l)))
        return true;
    l->at++; /* shown in the complaint */
    return false;
}

static enum status lex_number(struct promql_lexer *l, struct promql_token *out, struct err *e)
{
    l->got_number |= l->in_duration;
    l->in_duration = false;
    if (scan_number(l))
        return emit(l, TOK_NUMBER, out);
    if (scan_duration(l))
        return emit(l, TOK_DURATION, out);
    return fail_word(l, "bad number or duration syntax: ", e);
}

static enum status fail_escape(const struct promql_lexer *l, const char *fmt_before,
                               const char *fmt_after, struct err *e)
{
    uint32_t rune;
    size_t len = promql_rune_read(str_sub(l->text, l->at, l->text.len), &rune);
    if (len == 0)
        return promql_fail(l->text, l->start, e, "escape sequence not terminated");
    return promql_fail(l->text, l->start, e, "%sU+%04X '%.*s'%s", fmt_before, rune, (int)len,
                       l->text.ptr + l->at, fmt_after);
}

/* Behind the backslash. */
static enum status lex_escape(struct promql_lexer *l, int quote, struct err *e)
{
    int count, base = 16, c = peek(l);
    uint64_t value = 0, most = 0x10ffff;
    if (c == quote || (c > 0 && strchr("abfnrtv\\", c))) {
        l->at++;
        return ST_OK;
    }
    if (c >= '0' && c <= '7')
        count = 3, base = 8, most = 255;
    else if (c == 'x')
        count = 2, most = 255;
    else if (c == 'u' || c == 'U')
        count = c == 'u' ? 4 : 8;
    else
        return fail_escape(l, "unknown escape sequence ", "", e);
    l->at += base == 16;
    for (; count > 0; count--, l->at++) {
        int digit = str_hex_digit((char)peek(l));
        if (digit < 0 || digit >= base)
            return fail_escape(l, "illegal character ", " in escape sequence", e);
        value = value * (uint64_t)base + (uint64_t)digit;
    }
    if (value > most || (value >= 0xd800 && value < 0xe000))
        return promql_fail(l->text, l->start, e,
                           "escape sequence is an invalid Unicode code point");
    return ST_OK;
}

/* The opening quote is next. */
static enum status lex_string(struct promql_lexer *l, struct promql_token *out, struct err *e)
{
    int quote = peek(l);
    l->at++;
    for (;;) {
        uint32_t rune;
        size_t len = promql_rune_read(str_sub(l->text, l->at, l->text.len), &rune);
        if (len == 0 || (rune == '\n' && quote != '`'))
            return promql_fail(l->text, l->start, e,
                               quote == '`' ? "unterminated raw string"
                                            : "unterminated quoted string");
        if (rune == 0xfffd)
            return promql_fail(l->text, l->start, e, "invalid UTF-8 rune");
        l->at += (uint32_t)len;
        if (rune == (uint32_t)quote)
            return emit(l, TOK_STRING, out);
        if (rune == '\\' && quote != '`')
            TRY(lex_escape(l, quote, e));
    }
}

static bool is_before_paren(const struct promql_lexer *l)
{
    size_t ahead = 0;
    while (is_space(peek_at(l, ahead)))
        ahead++;
    return peek_at(l, ahead) == '(';
}

static const struct keyword *keyword_find(struct str text)
{
    for (size_t i = 0; i < LEN(keywords); i++)
        if (str_eq_nocase(text, str_from_c(keywords[i].word)))
            return &keywords[i];
    return NULL;
}

static enum status lex_word(struct promql_lexer *l, struct promql_token *out)
{
    while (is_alnum(peek(l)) || peek(l) == ':')
        l->at++;
    const struct keyword *k = keyword_find(word(l));
    /* Metrics of these names were there before the modifiers. */
    if (k && k->kind >= TOK_FILL && k->kind <= TOK_FILL_RIGHT && !is_before_paren(l))
        return emit(l, TOK_IDENTIFIER, out);
    if (!k)
        return emit(
            l, str_find(word(l), ':') < word(l).len ? TOK_METRIC_IDENTIFIER : TOK_IDENTIFIER, out);
    emit(l, k->kind, out);
    if (k->kind == TOK_OPERATOR)
        out->op = (enum promql_op)k->value;
    if (k->kind == TOK_AGGREGATION)
        out->aggregation = (enum promql_aggregation)k->value;
    return ST_OK;
}

/* step, range, min_of, max_of inside brackets; nothing else is a word there. */
static enum status lex_duration_word(struct promql_lexer *l, struct promql_token *out,
                                     struct err *e)
{
    while (is_alpha(peek(l)))
        l->at++;
    const struct keyword *k = keyword_find(word(l));
    if (k && k->kind >= TOK_STEP)
        return emit(l, k->kind, out);
    if (l->in_duration)
        return fail_rune(l, l->start, "unexpected character in duration expression: ", e);
    char quoted[32];
    return promql_fail(l->text, l->start, e, "unexpected character: %s, expected ':'",
                       promql_quote_rune((uint8_t)l->text.ptr[l->start], quoted, sizeof(quoted)));
}

static enum status lex_colon(struct promql_lexer *l, struct promql_token *out, struct err *e)
{
    if (l->in_duration && !l->got_number)
        return promql_fail(l->text, l->at, e,
                           "unexpected colon before duration in duration expression");
    if (l->in_duration && l->got_colon)
        return promql_fail(l->text, l->at, e, "unexpected repeated colon in duration expression");
    if (l->got_colon)
        return fail_rune(l, l->start, "unexpected colon ", e);
    l->got_colon = true;
    return emit(l, TOK_COLON, out);
}

static enum status lex_in_braces(struct promql_lexer *l, struct promql_token *out, struct err *e)
{
    int c = peek(l);
    if (c == END_OF_TEXT)
        return promql_fail(l->text, l->start, e, "unexpected end of input inside braces");
    if (is_alpha(c)) {
        while (is_alnum(peek(l)))
            l->at++;
        return emit(l, TOK_IDENTIFIER, out);
    }
    if (c == '"' || c == '\'' || c == '`')
        return lex_string(l, out, e);
    l->at++;
    switch (c) {
    case ',':
        return emit(l, TOK_COMMA, out);
    case '=':
        return emit(l, accept(l, "~") ? TOK_RE_MATCH : TOK_ASSIGN, out);
    case '!':
        if (accept(l, "~"))
            return emit(l, TOK_RE_DIFFER, out);
        if (accept(l, "="))
            return emit_op(l, OP_NE, out);
        return fail_rune(l, l->at, "unexpected character after '!' inside braces: ", e);
    case '{':
        return fail_rune(l, l->start, "unexpected left brace ", e);
    case '}':
        l->in_braces = false;
        return emit(l, TOK_RIGHT_BRACE, out);
    default:
        return fail_rune(l, l->start, "unexpected character inside braces: ", e);
    }
}

/* = ! < > and what may follow them. */
static enum status lex_comparison(struct promql_lexer *l, int c, struct promql_token *out,
                                  struct err *e)
{
    switch (c) {
    case '=':
        if (peek(l) == '~')
            return fail_rune(l, l->at, "unexpected character after '=': ", e);
        return accept(l, "=") ? emit_op(l, OP_EQ, out) : emit(l, TOK_ASSIGN, out);
    case '!':
        if (!accept(l, "="))
            return fail_rune(l, l->at, "unexpected character after '!': ", e);
        return emit_op(l, OP_NE, out);
    case '<':
        return emit_op(l, accept(l, "=") ? OP_LE : accept(l, "/") ? OP_TRIM_BELOW : OP_LT, out);
    default:
        return emit_op(l, accept(l, "=") ? OP_GE : accept(l, "/") ? OP_TRIM_ABOVE : OP_GT, out);
    }
}

static enum status lex_bracket(struct promql_lexer *l, int c, struct promql_token *out,
                               struct err *e)
{
    switch (c) {
    case '(':
        l->paren_depth++;
        return emit(l, TOK_LEFT_PAREN, out);
    case ')':
        if (l->paren_depth == 0)
            return promql_fail(l->text, l->at, e, "unexpected right parenthesis ')'");
        l->paren_depth--;
        return emit(l, TOK_RIGHT_PAREN, out);
    case '{':
        l->in_braces = true;
        return emit(l, TOK_LEFT_BRACE, out);
    case '[':
        if (l->in_brackets)
            return fail_rune(l, l->start, "unexpected left bracket ", e);
        l->in_brackets = l->in_duration = true;
        l->got_colon = false;
        return emit(l, TOK_LEFT_BRACKET, out);
    default:
        if (!l->in_brackets)
            return fail_rune(l, l->start, "unexpected right bracket ", e);
        l->in_brackets = l->in_duration = false;
        return emit(l, TOK_RIGHT_BRACKET, out);
    }
}

static enum status lex_end(struct promql_lexer *l, struct promql_token *out, struct err *e)
{
    if (l->in_duration)
        return promql_fail(l->text, l->start, e, "unexpected end of input in duration expression");
    if (l->paren_depth > 0)
        return promql_fail(l->text, l->start, e, "unclosed left parenthesis");
    if (l->in_brackets)
        return promql_fail(l->text, l->start, e, "unclosed left bracket");
    return emit(l, TOK_EOF, out);
}

static enum status lex_sign(struct promql_lexer *l, int c, struct promql_token *out, struct err *e)
{
    static const struct {
        char sign;
        enum promql_op op;
    } signs[] = {{'*', OP_MUL}, {'/', OP_DIV}, {'%', OP_MOD},
                 {'+', OP_ADD}, {'-', OP_SUB}, {'^', OP_POW}};
    l->at++;
    for (size_t i = 0; i < LEN(signs); i++)
        if (c == signs[i].sign)
            return emit_op(l, signs[i].op, out);
    if (c == ',')
        return emit(l, TOK_COMMA, out);
    if (c > 0 && strchr("(){[]", c) && !(l->in_duration && strchr("{[", c)))
        return lex_bracket(l, c, out, e);
    if (l->in_duration)
        return fail_rune(l, l->start, "unexpected character in duration expression: ", e);
    if (c == '@')
        return emit(l, TOK_AT, out);
    if (c > 0 && strchr("=!<>", c))
        return lex_comparison(l, c, out, e);
    return fail_rune(l, l->start, "unexpected character: ", e);
}

enum status promql_lex(struct promql_lexer *l, struct promql_token *out, struct err *e)
{
    skip_blanks(l);
    int c = peek(l);
    if (l->in_braces)
        return lex_in_braces(l, out, e);
    if (c == END_OF_TEXT)
        return lex_end(l, out, e);
    if (is_digit(c) || (c == '.' && is_digit(peek_at(l, 1))))
        return lex_number(l, out, e);
    if (l->in_brackets && c == ':') {
        l->at++;
        return lex_colon(l, out, e);
    }
    if (l->in_brackets && is_alpha(c))
        return lex_duration_word(l, out, e);
    if (is_alpha(c) || c == ':')
        return lex_word(l, out);
    if (!l->in_duration && (c == '"' || c == '\'' || c == '`'))
        return lex_string(l, out, e);
    return lex_sign(l, c, out, e);
}
