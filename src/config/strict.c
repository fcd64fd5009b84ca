#include "config/strict.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json_writer.h"
#include "base/utf8.h"

#define NUMBER_LENGTH ((size_t)63) /* what cJSON copies of a number */

typedef struct cursor {
    const char *text;
    size_t size, at;
    int depth;
    lyc__fault *fault;
} cursor;

static bool check_value(cursor *c);

/* The byte under the cursor, 0 at the end (a 0 in the text itself fails as an unexpected character). */
static unsigned char peek(const cursor *c) {
    return c->at < c->size ? (unsigned char)c->text[c->at] : 0;
}

static bool fail_at(cursor *c, size_t at, const char *format, ...) __attribute__((format(printf, 3, 4)));
static bool fail_at(cursor *c, size_t at, const char *format, ...) {
    c->fault->line = c->fault->column = 1;
    for (size_t i = 0; i < at && i < c->size;) {
        size_t length = lyc__utf8_length(c->text + i, c->size - i);
        if (c->text[i] == '\n') {
            c->fault->line++;
            c->fault->column = 1;
        } else {
            c->fault->column++;
        }
        i += length ? length : 1;
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(c->fault->reason, sizeof c->fault->reason, format, arguments);
    va_end(arguments);
    return false;
}

static bool fail_here(cursor *c, const char *wanted) {
    if (c->at >= c->size) return fail_at(c, c->at, "the text ends where %s should stand", wanted);
    unsigned char byte = peek(c);
    if (byte == '/' || byte == '#')
        return fail_at(c, c->at, "JSON has no comments; %s should stand here", wanted);
    if (byte == '\'') return fail_at(c, c->at, "JSON uses double quotes; %s should stand here", wanted);
    if (byte < 0x20 || byte == 0x7f)
        return fail_at(c, c->at, "byte 0x%02x where %s should stand", byte, wanted);
    size_t length = lyc__utf8_length(c->text + c->at, c->size - c->at);
    if (length == 0) return fail_at(c, c->at, "byte 0x%02x is not UTF-8; save the file as UTF-8", byte);
    return fail_at(c, c->at, "\"%.*s\" where %s should stand", (int)length, c->text + c->at, wanted);
}

static void skip_space(cursor *c) {
    while (c->at < c->size && memchr(" \t\r\n", c->text[c->at], 4)) c->at++;
}

static size_t skip_digits(cursor *c) {
    size_t start = c->at;
    while (isdigit(peek(c))) c->at++;
    return c->at - start;
}

static bool check_number(cursor *c) {
    size_t start = c->at;
    if (peek(c) == '-') c->at++;
    bool leading_zero = peek(c) == '0';
    size_t digits = skip_digits(c);
    if (digits == 0) return fail_here(c, "a digit");
    if (leading_zero && digits > 1) return fail_at(c, start, "a number must not start with 0");
    if (peek(c) == '.') {
        c->at++;
        if (skip_digits(c) == 0) return fail_here(c, "a digit behind the point");
    }
    if (peek(c) == 'e' || peek(c) == 'E') {
        c->at++;
        if (peek(c) == '+' || peek(c) == '-') c->at++;
        if (skip_digits(c) == 0) return fail_here(c, "a digit of the exponent");
    }
    size_t length = c->at - start;
    if (length > NUMBER_LENGTH)
        return fail_at(c, start, "a number of %zu characters; at most %zu are read", length, NUMBER_LENGTH);
    char spelling[NUMBER_LENGTH + 1];
    memcpy(spelling, c->text + start, length);
    spelling[length] = '\0';
    double value = lyc__number_parse(spelling, NULL);
    if (!isfinite(value)) return fail_at(c, start, "%s is too large for a number", spelling);
    size_t mantissa = strcspn(spelling, "eE");
    if (value == 0 && strcspn(spelling, "123456789") < mantissa)
        return fail_at(c, start, "%s is too small for a number", spelling);
    return true;
}

/* Four hex digits at `at`, or -1. */
static long code_unit(const cursor *c, size_t at) {
    if (at + 4 > c->size) return -1;
    long value = 0;
    for (size_t i = at; i < at + 4; i++) {
        if (!isxdigit((unsigned char)c->text[i])) return -1;
        int digit = tolower((unsigned char)c->text[i]);
        value = value * 16 + (isdigit(digit) ? digit - '0' : digit - 'a' + 10);
    }
    return value;
}

/* The cursor stands behind "\u". */
static bool check_unicode_escape(cursor *c) {
    size_t start = c->at - 2;
    long unit = code_unit(c, c->at);
    if (unit < 0) return fail_at(c, start, "\\u must be followed by four hexadecimal digits");
    if (unit == 0) return fail_at(c, start, "\\u0000 cannot be part of a text here");
    c->at += 4;
    if (unit < 0xd800 || unit > 0xdfff) return true;
    bool pair = unit < 0xdc00 && c->at + 6 <= c->size && c->text[c->at] == '\\' && c->text[c->at + 1] == 'u';
    long low = pair ? code_unit(c, c->at + 2) : -1;
    if (low < 0xdc00 || low > 0xdfff) return fail_at(c, start, "half of a surrogate pair stands alone");
    c->at += 6;
    return true;
}

static bool check_string(cursor *c) {
    size_t start = c->at++;
    while (peek(c) != '"') {
        if (c->at >= c->size) return fail_at(c, start, "this text has no closing quote");
        unsigned char byte = peek(c);
        if (byte < 0x20)
            return fail_at(c, c->at,
                           "a line break or control character inside a text; write it as \\n or \\u%04x",
                           byte);
        if (byte != '\\') {
            size_t length = lyc__utf8_length(c->text + c->at, c->size - c->at);
            if (length == 0) return fail_here(c, "text");
            c->at += length;
            continue;
        }
        c->at += 2;
        unsigned char escape = c->at <= c->size ? (unsigned char)c->text[c->at - 1] : 0;
        if (escape == 'u') {
            if (!check_unicode_escape(c)) return false;
        } else if (escape == 0 || !strchr("\"\\/bfnrt", escape)) {
            return fail_at(c, c->at - 2, "unknown escape; a backslash itself is written \\\\");
        }
    }
    c->at++;
    return true;
}

static bool check_member(cursor *c) {
    skip_space(c);
    if (peek(c) != '"') return fail_here(c, "a key in double quotes");
    if (!check_string(c)) return false;
    skip_space(c);
    if (peek(c) != ':') return fail_here(c, "a colon");
    c->at++;
    return check_value(c);
}

/* A list or an object: the same but for the brackets and what stands between the commas. */
static bool check_container(cursor *c, char closing, bool (*check_item)(cursor *)) {
    if (++c->depth > LYC__CONFIG_DEPTH)
        return fail_at(c, c->at, "nested deeper than %d levels", LYC__CONFIG_DEPTH);
    c->at++;
    skip_space(c);
    bool more = peek(c) != closing;
    while (more) {
        if (!check_item(c)) return false;
        skip_space(c);
        more = peek(c) == ',';
        if (!more && peek(c) != closing)
            return fail_here(c, closing == '}' ? "a comma or }" : "a comma or ]");
        if (!more) break;
        size_t comma = c->at++;
        skip_space(c);
        if (peek(c) == closing) return fail_at(c, comma, "a comma behind the last entry");
    }
    c->at++;
    c->depth--;
    return true;
}

static bool check_word(cursor *c) {
    static const char *const words[] = {"true", "false", "null"};
    size_t start = c->at;
    while (isalnum(peek(c)) || peek(c) == '_') c->at++;
    size_t length = c->at - start;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (length == strlen(words[i]) && memcmp(c->text + start, words[i], length) == 0) return true;
    int shown = length > 40 ? 40 : (int)length;
    return fail_at(c, start, "%.*s is no JSON value; texts need double quotes", shown, c->text + start);
}

static bool check_value(cursor *c) {
    skip_space(c);
    unsigned char byte = peek(c);
    if (byte == '{') return check_container(c, '}', check_member);
    if (byte == '[') return check_container(c, ']', check_value);
    if (byte == '"') return check_string(c);
    if (byte == '-' || isdigit(byte)) return check_number(c);
    if (isalpha(byte)) return check_word(c);
    return fail_here(c, "a value");
}

bool lyc__strict_check(const char *text, size_t size, lyc__fault *fault) {
    cursor c = {.text = text, .size = size, .fault = fault};
    if (size > LYC__CONFIG_BYTES)
        return fail_at(&c, 0, "the text has %zu bytes; at most %zu are read", size, LYC__CONFIG_BYTES);
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        return fail_at(&c, 0, "the text starts with a byte-order mark; save it as UTF-8 without one");
    if (!check_value(&c)) return false;
    skip_space(&c);
    return c.at == size || fail_at(&c, c.at, "text behind the end of the JSON value");
}
