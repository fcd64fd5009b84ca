#include "base/json_writer.h"

#include <assert.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

/* Runs the lines between in the "C" locale of this thread only: a program that embeds Lyceum may have chosen
 * one with a decimal comma. newlocale returns the built-in object for "C" and allocates nothing. */
static locale_t enter_c_locale(void) {
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    return c == (locale_t)0 ? (locale_t)0 : uselocale(c);
}

static void leave_c_locale(locale_t former) {
    if (former != (locale_t)0) uselocale(former);
}

double lyc__number_parse(const char *text, char **end) {
    locale_t former = enter_c_locale();
    double value = strtod(text, end);
    leave_c_locale(former);
    return value;
}

void lyc__number_format(double value, char out[LYC__NUMBER_SIZE]) {
    locale_t former = enter_c_locale();
    if (fabs(value) < 1e15 && value == floor(value)) {
        snprintf(out, LYC__NUMBER_SIZE, "%.0f", value); /* 100000, not 1e+05 */
    } else {
        for (int digits = 1; digits <= 17; digits++) {
            snprintf(out, LYC__NUMBER_SIZE, "%.*g", digits, value);
            if (strtod(out, NULL) == value) break;
        }
    }
    leave_c_locale(former);
}

static void append(lyc__json *json, const char *text, size_t size) {
    lyc__text_add_bytes(&json->text, text, size);
}

static void append_text(lyc__json *json, const char *text) {
    append(json, text, strlen(text));
}

static void append_escaped(lyc__json *json, const char *text) {
    static const char *const shorts[] = {
        ['"'] = "\\\"", ['\\'] = "\\\\", ['\n'] = "\\n", ['\t'] = "\\t", ['\r'] = "\\r"};
    append_text(json, "\"");
    for (size_t left = strlen(text); left > 0;) {
        unsigned char byte = (unsigned char)*text;
        size_t length = lyc__utf8_length(text, left);
        if (length == 0) {
            append_text(json, "\xef\xbf\xbd");
            length = 1;
        } else if (byte < sizeof shorts / sizeof *shorts && shorts[byte]) {
            append_text(json, shorts[byte]);
        } else if (byte < 0x20 || byte == 0x7f) {
            char code[8];
            snprintf(code, sizeof code, "\\u%04x", (unsigned)byte);
            append_text(json, code);
        } else {
            append(json, text, length);
        }
        text += length;
        left -= length;
    }
    append_text(json, "\"");
}

static void new_line(lyc__json *json) {
    append_text(json, "\n");
    for (int i = 0; i < json->depth; i++) append_text(json, "  ");
}

/* Comma, line break and key in front of a value. */
static void begin_value(lyc__json *json, const char *key) {
    if (json->depth > 0) {
        int level = json->depth - 1;
        bool spread = json->pretty && !json->on_one_line[level];
        assert((json->closing[level] == '}') == (key != NULL));
        if (json->filled[level]) append_text(json, spread || !json->pretty ? "," : ", ");
        if (spread) new_line(json);
        json->filled[level] = true;
    }
    if (key) {
        append_escaped(json, key);
        append_text(json, json->pretty ? ": " : ":");
    }
}

static void open_container(lyc__json *json, const char *key, const char *opening, char closing,
                           bool on_one_line) {
    begin_value(json, key);
    append_text(json, opening);
    assert(json->depth < LYC__JSON_DEPTH);
    json->closing[json->depth] = closing;
    json->filled[json->depth] = false;
    json->on_one_line[json->depth] = on_one_line || (json->depth > 0 && json->on_one_line[json->depth - 1]);
    json->depth++;
}

void lyc__json_start(lyc__json *json, bool pretty) {
    *json = (lyc__json){.pretty = pretty};
}

void lyc__json_object(lyc__json *json, const char *key) {
    open_container(json, key, "{", '}', false);
}

void lyc__json_array(lyc__json *json, const char *key) {
    open_container(json, key, "[", ']', false);
}

void lyc__json_object_inline(lyc__json *json, const char *key) {
    open_container(json, key, "{", '}', true);
}

void lyc__json_array_inline(lyc__json *json, const char *key) {
    open_container(json, key, "[", ']', true);
}

void lyc__json_end(lyc__json *json) {
    assert(json->depth > 0);
    int level = --json->depth;
    if (json->pretty && json->filled[level] && !json->on_one_line[level]) new_line(json);
    append(json, &json->closing[level], 1);
}

void lyc__json_raw(lyc__json *json, const char *key, const char *value) {
    begin_value(json, key);
    append_text(json, value);
}

void lyc__json_null(lyc__json *json, const char *key) {
    lyc__json_raw(json, key, "null");
}

void lyc__json_bool(lyc__json *json, const char *key, bool value) {
    lyc__json_raw(json, key, value ? "true" : "false");
}

void lyc__json_text(lyc__json *json, const char *key, const char *value) {
    if (!value) {
        lyc__json_null(json, key);
        return;
    }
    begin_value(json, key);
    append_escaped(json, value);
}

void lyc__json_number(lyc__json *json, const char *key, double value) {
    char digits[LYC__NUMBER_SIZE];
    lyc__number_format(value, digits);
    lyc__json_raw(json, key, isfinite(value) ? digits : "null");
}

void lyc__json_integer(lyc__json *json, const char *key, int64_t value) {
    char digits[LYC__NUMBER_SIZE];
    snprintf(digits, sizeof digits, "%lld", (long long)value);
    lyc__json_raw(json, key, digits);
}

void lyc__json_unsigned(lyc__json *json, const char *key, uint64_t value) {
    char digits[LYC__NUMBER_SIZE];
    snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);
    lyc__json_raw(json, key, digits);
}

lyc_status lyc__json_finish(lyc__json *json, char **out, lyc_error *err) {
    assert(json->depth == 0);
    if (json->pretty) append_text(json, "\n");
    return lyc__text_finish(&json->text, out, err);
}
