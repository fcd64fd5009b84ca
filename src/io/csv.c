#include "io/csv.h"

#include <inttypes.h>
#include <string.h>

#include "lyceum/memory.h"

#define BUFFER_BYTES ((size_t)256 << 10)
#define END          (-1)

struct lyc__csv {
    lyc__packed *packed;
    char delimiter;
    size_t at, filled;
    uint64_t line;
    uint32_t column; /* of the next field */
    size_t size;     /* of the field so far */
    char field[LYC__CSV_FIELD_BYTES];
    uint8_t buffer[BUFFER_BYTES];
};

void lyc__csv_close(lyc__csv *csv) {
    if (!csv) return;
    lyc__packed_close(csv->packed);
    lyc_free(csv);
}

/* The next byte without taking it, or END. */
static lyc_status peek(lyc__csv *csv, int *byte, lyc_error *err) {
    if (csv->at == csv->filled) {
        csv->at = 0;
        LYC_TRY(lyc__packed_read(csv->packed, csv->buffer, sizeof csv->buffer, &csv->filled, err));
    }
    *byte = csv->at < csv->filled ? csv->buffer[csv->at] : END;
    return LYC_OK;
}

static lyc_status take(lyc__csv *csv, int *byte, lyc_error *err) {
    LYC_TRY(peek(csv, byte, err));
    csv->at += *byte != END;
    return LYC_OK;
}

static lyc_status skip_mark(lyc__csv *csv, lyc_error *err) {
    int byte;
    LYC_TRY(peek(csv, &byte, err));
    if (csv->filled >= 3 && memcmp(csv->buffer, "\xEF\xBB\xBF", 3) == 0) csv->at = 3;
    return LYC_OK;
}

lyc_status lyc__csv_open(lyc__csv **out, const char *path, char delimiter, lyc_error *err) {
    lyc__csv *csv = NULL;
    *out = NULL;
    LYC_TRY(LYC_NEW_ARRAY(csv, 1, err));
    csv->delimiter = delimiter;
    csv->line = 1;
    lyc_status status = lyc__packed_open(&csv->packed, path, "a CSV file", err);
    if (status == LYC_OK) status = skip_mark(csv, err);
    if (status != LYC_OK) {
        lyc__csv_close(csv);
        return status;
    }
    *out = csv;
    return LYC_OK;
}

static lyc_status fail(const lyc__csv *csv, uint64_t line, const char *reason, lyc_error *err) {
    LYC_FAIL(err, LYC_EFORMAT, "%s: line %" PRIu64 ", column %" PRIu32 ": %s", lyc__packed_path(csv->packed),
             line, csv->column + 1, reason);
}

static lyc_status add(lyc__csv *csv, int byte, lyc_error *err) {
    if (byte == 0)
        return fail(csv, csv->line, "holds a zero byte; is this a text file in UTF-8 (not in UTF-16)?", err);
    if (csv->size + 1 == sizeof csv->field)
        return fail(csv, csv->line, "a field of more than 1,023 bytes; is a quote missing?", err);
    csv->line += byte == '\n';
    csv->field[csv->size++] = (char)byte;
    return LYC_OK;
}

/* What is between quotes; the opening one is taken already. */
static lyc_status read_quoted(lyc__csv *csv, lyc_error *err) {
    uint64_t start = csv->line;
    for (;;) {
        int byte;
        LYC_TRY(take(csv, &byte, err));
        if (byte == END) return fail(csv, start, "a quoted field that never ends", err);
        if (byte == '"') {
            LYC_TRY(peek(csv, &byte, err));
            if (byte != '"') return LYC_OK;
            csv->at++;
        }
        LYC_TRY(add(csv, byte, err));
    }
}

static lyc_status read_plain(lyc__csv *csv, lyc_error *err) {
    for (;;) {
        int byte;
        LYC_TRY(peek(csv, &byte, err));
        if (byte == END || byte == csv->delimiter || byte == '\n' || byte == '\r') return LYC_OK;
        if (byte == '"') return fail(csv, csv->line, "a quote within a field; quote the whole of it", err);
        csv->at++;
        LYC_TRY(add(csv, byte, err));
    }
}

/* Behind a field: a delimiter, the end of the line or that of the file. */
static lyc_status end_field(lyc__csv *csv, bool *last, lyc_error *err) {
    int byte;
    LYC_TRY(take(csv, &byte, err));
    *last = byte != csv->delimiter;
    if (byte == '\r') {
        LYC_TRY(take(csv, &byte, err));
        if (byte != '\n' && byte != END) return fail(csv, csv->line, "a CR without a LF", err);
    } else if (*last && byte != '\n' && byte != END) {
        return fail(csv, csv->line, "text behind a closing quote", err);
    }
    csv->line += byte == '\n';
    csv->column = *last ? 0 : csv->column + 1;
    return LYC_OK;
}

static lyc_status skip_empty_lines(lyc__csv *csv, bool *found, lyc_error *err) {
    int byte;
    for (;;) {
        LYC_TRY(peek(csv, &byte, err));
        if (byte != '\n' && byte != '\r') break;
        csv->line += byte == '\n';
        csv->at++;
    }
    *found = byte != END;
    return LYC_OK;
}

lyc_status lyc__csv_next(lyc__csv *csv, lyc__csv_field *out, bool *found, lyc_error *err) {
    int byte;
    *found = true;
    if (csv->column == 0) LYC_TRY(skip_empty_lines(csv, found, err));
    if (!*found) return LYC_OK;
    LYC_TRY(peek(csv, &byte, err));
    csv->size = 0;
    *out =
        (lyc__csv_field){.text = csv->field, .line = csv->line, .column = csv->column, .quoted = byte == '"'};
    csv->at += out->quoted;
    LYC_TRY((out->quoted ? read_quoted : read_plain)(csv, err));
    csv->field[csv->size] = '\0';
    out->size = csv->size;
    return end_field(csv, &out->last, err);
}
