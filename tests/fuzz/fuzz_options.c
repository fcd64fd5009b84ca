/* Command lines, a word a line, with options of every kind; what --set says then changes a configuration. */
#include <stdlib.h>
#include <string.h>

#include "app/command.h"
#include "lyceum/config.h"
#include "lyceum/memory.h"
#include "tests/fuzz/fuzz.h"

enum { MOST_WORDS = 256 };

typedef struct options {
    lyc__common common;
    const char *data;
    int64_t window;
    double fraction;
    lyc__texts files;
} options;

static const lyc__option table[] = {
    {"data", 'd', LYC__OPTION_TEXT, offsetof(options, data), "FILE", "data set", 0, 0},
    {"window", 'w', LYC__OPTION_COUNT, offsetof(options, window), "N", "window", -3, 1000},
    {"fraction", 0, LYC__OPTION_NUMBER, offsetof(options, fraction), "X", "fraction", 0, 1},
    {"file", 'f', LYC__OPTION_LIST, offsetof(options, files), "FILE", "files", 0, 0},
    LYC__COMMON_JSON,
    LYC__COMMON_QUIET,
    LYC__COMMON_RESUME,
    LYC__COMMON_THREADS,
    LYC__COMMON_SEED,
    LYC__COMMON_OUTPUT,
    LYC__COMMON_SET,
    LYC__COMMON_HELP,
};
static const lyc__usage usage = {.command = "fuzz",
                                 .options = table,
                                 .option_count = sizeof table / sizeof table[0],
                                 .least_arguments = 0,
                                 .most_arguments = 3,
                                 .argument = "the file",
                                 .configures = -1};
static const char base[] =
    "{\"output\": \"o\", \"data\": {\"path\": \"d.h5\"}, \"teachers\": [{\"name\": \"a\", \"model\": "
    "\"a.h5\"}], \"student\": {\"arch\": \"mlp\", \"hidden\": [8, 8]}}";

static void check(const options *found) {
    if (found->window < -3 || found->window > 1000 || !(found->fraction >= 0 && found->fraction <= 1))
        abort();
    if (found->common.sets.count > LYC__TEXTS_MAX || found->common.arguments.count > 3) abort();
}

static void set(const lyc__texts *sets) {
    lyc_config *config = NULL;
    lyc_error err = {0};
    fuzz_check(lyc_config_parse(&config, LYC_CONFIG_DISTILL, base, "fuzz", sets->items, sets->count, &err),
               &err);
    lyc_config_destroy(config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *words[MOST_WORDS + 1] = {"fuzz"};
    int count = 1;
    options found = {0};
    lyc_error err = {0};
    char *text = lyc_calloc(size + 1, 1);
    if (!text) return 0;
    memcpy(text, data, size);
    for (char *word = text; count < MOST_WORDS && word < text + size; word += strlen(word) + 1) {
        char *end = memchr(word, '\n', (size_t)(text + size - word));
        if (end) *end = '\0';
        words[count++] = word;
    }
    const lyc_status status = lyc__options_parse(&usage, count, words, &found, &err);
    fuzz_check(status, &err);
    if (status == LYC_OK && !found.common.help) { /* who asks for help may leave out what else is needed */
        check(&found);
        set(&found.common.sets);
    }
    lyc_free(text);
    return 0;
}
