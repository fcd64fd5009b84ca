/* Parsing a command line by a table of options. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/command.h"
#include "base/json_writer.h"
#include "base/suggest.h"

#define MOST_OPTIONS 64

typedef struct parser {
    const lyc__usage *usage;
    int argc, at;
    char **argv;
    char *target;
    bool seen[MOST_OPTIONS];
    lyc_error *err;
} parser;

static const lyc__option *find(const lyc__usage *usage, const char *name, size_t length) {
    for (size_t i = 0; i < usage->option_count; i++)
        if (strlen(usage->options[i].name) == length && strncmp(usage->options[i].name, name, length) == 0)
            return &usage->options[i];
    return NULL;
}

static lyc_status unknown(parser *p, const char *shown, const char *name) {
    const char *names[MOST_OPTIONS];
    for (size_t i = 0; i < p->usage->option_count; i++) names[i] = p->usage->options[i].name;
    const char *near = name ? lyc__nearest(name, names, p->usage->option_count) : NULL;
    if (near) LYC_FAIL(p->err, LYC_EUSAGE, "unknown option %s; did you mean --%s?", shown, near);
    LYC_FAIL(p->err, LYC_EUSAGE, "unknown option %s", shown);
}

lyc_status lyc__unknown_name(const char *what, const char *name, const char *const *names, size_t count,
                             lyc_error *err) {
    char known[256] = "", suggestion[96] = "";
    for (size_t i = 0; i < count; i++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", names[i]);
    }
    const char *near = lyc__nearest(name, names, count);
    if (near) snprintf(suggestion, sizeof suggestion, "did you mean \"%s\"? ", near);
    LYC_FAIL(err, LYC_EUSAGE, "unknown %s \"%s\"; %sknown: %s", what, name, suggestion, known);
}

static lyc_status bad_number(parser *p, const lyc__option *option, const char *text, const char *kind) {
    char low[LYC__NUMBER_SIZE], high[LYC__NUMBER_SIZE];
    lyc__number_format(option->low, low);
    lyc__number_format(option->high, high);
    LYC_FAIL(p->err, LYC_EUSAGE, "--%s takes %s from %s to %s, not \"%s\"", option->name, kind, low, high,
             text);
}

/* ---- one function a kind of option --------------------------------------------------------------- */

static lyc_status set_flag(parser *p, const lyc__option *option, const char *text) {
    (void)text;
    *(bool *)(void *)(p->target + option->offset) = true;
    return LYC_OK;
}

static lyc_status set_text(parser *p, const lyc__option *option, const char *text) {
    *(const char **)(void *)(p->target + option->offset) = text;
    return LYC_OK;
}

static lyc_status set_count(parser *p, const lyc__option *option, const char *text) {
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end || (double)value < option->low || (double)value > option->high)
        return bad_number(p, option, text, "a whole number");
    *(int64_t *)(void *)(p->target + option->offset) = value;
    return LYC_OK;
}

static lyc_status set_number(parser *p, const lyc__option *option, const char *text) {
    char *end = NULL;
    double value = lyc__number_parse(text, &end);
    if (end == text || *end || !(value >= option->low && value <= option->high))
        return bad_number(p, option, text, "a number");
    *(double *)(void *)(p->target + option->offset) = value;
    return LYC_OK;
}

static lyc_status add_text(parser *p, lyc__texts *texts, const char *text) {
    if (texts->count == LYC__TEXTS_MAX)
        LYC_FAIL(p->err, LYC_EUSAGE, "more than %d values of one kind; write a config file", LYC__TEXTS_MAX);
    texts->items[texts->count++] = text;
    return LYC_OK;
}

static lyc_status set_list(parser *p, const lyc__option *option, const char *text) {
    return add_text(p, (void *)(p->target + option->offset), text);
}

static lyc_status (*const setters[])(parser *, const lyc__option *, const char *) = {
    [LYC__OPTION_FLAG] = set_flag,     [LYC__OPTION_TEXT] = set_text, [LYC__OPTION_COUNT] = set_count,
    [LYC__OPTION_NUMBER] = set_number, [LYC__OPTION_LIST] = set_list,
};

static lyc_status set(parser *p, const lyc__option *option, const char *value) {
    size_t index = (size_t)(option - p->usage->options);
    if (p->seen[index] && option->kind != LYC__OPTION_LIST)
        LYC_FAIL(p->err, LYC_EUSAGE, "--%s is given twice", option->name);
    p->seen[index] = true;
    return setters[option->kind](p, option, value);
}

/* `value` is what was attached to the option (behind '=' or the letter), else NULL. */
static lyc_status take(parser *p, const lyc__option *option, const char *value) {
    if (option->kind == LYC__OPTION_FLAG) {
        if (value) LYC_FAIL(p->err, LYC_EUSAGE, "--%s takes no value", option->name);
        return set(p, option, NULL);
    }
    if (!value && p->at < p->argc) {
        const char *next = p->argv[p->at];
        bool is_option = strncmp(next, "--", 2) == 0 && find(p->usage, next + 2, strcspn(next + 2, "="));
        if (!is_option) {
            value = next;
            p->at++;
        }
    }
    if (!value || !value[0])
        LYC_FAIL(p->err, LYC_EUSAGE, "--%s needs a value: --%s %s", option->name, option->name,
                 option->placeholder);
    return set(p, option, value);
}

static lyc_status parse_long(parser *p, const char *word) {
    size_t length = strcspn(word + 2, "=");
    const lyc__option *option = find(p->usage, word + 2, length);
    if (option) return take(p, option, word[2 + length] ? word + 2 + length + 1 : NULL);
    char name[64], shown[68];
    snprintf(name, sizeof name, "%.*s", (int)length, word + 2);
    snprintf(shown, sizeof shown, "--%s", name);
    return unknown(p, shown, name);
}

/* "-d FILE" or "-dFILE"; "-data" was meant as "--data", not as a file called "ata". */
static lyc_status parse_letter(parser *p, const char *word) {
    bool long_name = word[2] && find(p->usage, word + 1, strcspn(word + 1, "="));
    for (size_t i = 0; i < p->usage->option_count && !long_name; i++)
        if (p->usage->options[i].letter == word[1])
            return take(p, &p->usage->options[i], word[2] ? word + 2 : NULL);
    return unknown(p, word, word + 1);
}

static lyc_status check_arguments(const lyc__usage *usage, const lyc__texts *arguments, lyc_error *err) {
    if (arguments->count > usage->most_arguments)
        LYC_FAIL(err, LYC_EUSAGE, "one argument too many: \"%s\"", arguments->items[usage->most_arguments]);
    if (arguments->count < usage->least_arguments)
        LYC_FAIL(err, LYC_EUSAGE, "%s is missing", usage->argument);
    return LYC_OK;
}

lyc_status lyc__options_parse(const lyc__usage *usage, int argc, char **argv, void *target, lyc_error *err) {
    parser p = {.usage = usage, .argc = argc, .at = 1, .argv = argv, .target = target, .err = err};
    lyc__common *common = target;
    bool only_arguments = false;
    while (p.at < argc) {
        const char *word = argv[p.at++];
        if (!only_arguments && strcmp(word, "--") == 0) only_arguments = true;
        else if (!only_arguments && strncmp(word, "--", 2) == 0) LYC_TRY(parse_long(&p, word));
        else if (!only_arguments && word[0] == '-' && word[1]) LYC_TRY(parse_letter(&p, word));
        else LYC_TRY(add_text(&p, &common->arguments, word));
    }
    return common->help ? LYC_OK : check_arguments(usage, &common->arguments, err);
}
